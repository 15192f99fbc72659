/* The app that a server gets in place of its own, see `steps.observed`. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc serve;
    PyObject *asgi;  /* what does the same in Python, for all that is out of the ordinary */
    PyObject *app;   /* the server's own: all else of it shows through */
    PyObject *call;  /* what makes a coroutine of a request */
    PyObject *state; /* the names of `state`: a fork makes another probe */
    PyObject *weak;
    /* Whose requests came last: mostly one thread's come, and what serves them is found by way of
     * things that nothing else has brought into the caches. */
    Serving *last;     /* keeps `last_probe` alive: no other one can have its place in memory */
    PyObject *last_probe;
    uint64_t last_thread;
} Observed;

static PyObject *str_probe, *str_local, *str_serving, *str_type, *str_http, *str_call;

int observed_names(void) {
    str_probe = PyUnicode_InternFromString("probe");
    str_local = PyUnicode_InternFromString("local");
    str_serving = PyUnicode_InternFromString("serving");
    str_type = PyUnicode_InternFromString("type");
    str_http = PyUnicode_InternFromString("http");
    str_call = PyUnicode_InternFromString("__call__");
    return str_probe && str_local && str_serving && str_type && str_http && str_call ? 0 : -1;
}

static PyObject *observed_call(PyObject *, PyObject *const *, size_t, PyObject *);

static PyObject *observed_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *asgi, *app, *call, *state;
    if (takes_no_keywords(kwargs)) return NULL;
    if (!PyArg_ParseTuple(args, "OOOO!", &asgi, &app, &call, &PyDict_Type, &state)) return NULL;
    Observed *self = PyObject_GC_New(Observed, type);
    if (!self) return NULL;
    self->serve = observed_call;
    self->asgi = Py_NewRef(asgi);
    self->app = Py_NewRef(app);
    self->call = Py_NewRef(call);
    self->state = Py_NewRef(state);
    self->weak = NULL;
    self->last = NULL;
    self->last_probe = NULL;
    self->last_thread = 0;
    PyObject_GC_Track((PyObject *)self);
    return (PyObject *)self;
}

/* What serves the requests of the running thread's event loop, or NULL and no exception. */
static Serving *of_thread(Observed *self) {
    PyObject *probe = PyDict_GetItemWithError(self->state, str_probe);
    uint64_t thread = PyThreadState_GetID(PyThreadState_Get());
    if (self->last && probe == self->last_probe && thread == self->last_thread)
        return (Serving *)Py_NewRef((PyObject *)self->last);
    PyObject *local = probe ? PyObject_GetAttr(probe, str_local) : NULL;
    PyObject *serving = local ? PyObject_GetAttr(local, str_serving) : NULL;
    Py_XDECREF(local);
    if (!serving || Py_TYPE(serving) != ServingType) {
        Py_XDECREF(serving);
        PyErr_Clear(); /* the loop's first request */
        return NULL;
    }
    Serving *before = self->last;
    self->last = (Serving *)Py_NewRef(serving);
    self->last_probe = probe;
    self->last_thread = thread;
    Py_XDECREF((PyObject *)before);
    return (Serving *)serving;
}

static int is_http(PyObject *scope) {
    PyObject *kind = PyDict_Check(scope) ? PyDict_GetItemWithError(scope, str_type) : NULL;
    int same = kind ? PyObject_RichCompareBool(kind, str_http, Py_EQ) : 0;
    if (same < 0) PyErr_Clear();
    return same > 0;
}

/* Nobody has watched for so long that nobody is there: see `Probe.asleep`. */
static int is_asleep(Serving *serving, uint64_t t) {
    return t > serving->records->words[W_HEARTBEAT] + SLEEP_AFTER_NS;
}

/* app(scope, receive, send) */
static PyObject *observed_call(PyObject *given, PyObject *const *args, size_t n, PyObject *names) {
    Observed *self = (Observed *)given;
    PyObject *made = NULL, *asgi = self->asgi;
    if (!names && placed(n) == 3 && is_http(args[0])) {
        Serving *serving = of_thread(self);
        uint64_t t = now_ns();
        if (serving && t < serving->look_at) {
            made = steps_serve(serving, self->call, args, t);
            PyErr_Clear();
        } else if (serving && is_asleep(serving, t)) {
            asgi = self->app;
        }
        Py_XDECREF((PyObject *)serving);
    }
    return made ? made : PyObject_Vectorcall(asgi, args, n, names);
}

/* Whoever asks whether it is a coroutine function gets the one that says so. */
static PyObject *observed_getattr(PyObject *given, PyObject *name) {
    Observed *self = (Observed *)given;
    if (PyUnicode_Compare(name, str_call) == 0) return Py_NewRef(self->asgi);
    PyObject *found = PyObject_GenericGetAttr(given, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
    PyErr_Clear();
    return PyObject_GetAttr(self->app, name);
}

static int observed_setattr(PyObject *given, PyObject *name, PyObject *value) {
    return PyObject_SetAttr(((Observed *)given)->app, name, value); /* NULL: it goes */
}

static int observed_traverse(Observed *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->asgi);
    Py_VISIT(self->app);
    Py_VISIT(self->call);
    Py_VISIT(self->state);
    Py_VISIT(self->last);
    return 0;
}

static void observed_dealloc(Observed *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack((PyObject *)self);
    if (self->weak) PyObject_ClearWeakRefs((PyObject *)self);
    Py_DECREF(self->asgi);
    Py_DECREF(self->app);
    Py_DECREF(self->call);
    Py_DECREF(self->state);
    Py_XDECREF((PyObject *)self->last);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMemberDef observed_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Observed, weak), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Observed, serve), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot observed_slots[] = {
    {Py_tp_doc, "An ASGI app with its requests observed; all else of the app shows through."},
    {Py_tp_new, observed_make},
    {Py_tp_dealloc, observed_dealloc},
    {Py_tp_traverse, observed_traverse},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_getattro, observed_getattr},
    {Py_tp_setattro, observed_setattr},
    {Py_tp_members, observed_members},
    {0, NULL},
};
PyType_Spec observed_spec = {
    "threadscope.probe._native.Observed", sizeof(Observed), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL, observed_slots};
