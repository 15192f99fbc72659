/* Stand-ins for two functions that each request of an endpoint goes through, see `hooks.py` and
 * `hops.py`. What is out of the ordinary goes to the same in Python. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *original, *python, *current, *dict;
} Hook;

static PyObject *str_dependant, *str_is_coroutine;

int hooks_names(void) {
    str_dependant = PyUnicode_InternFromString("dependant");
    str_is_coroutine = PyUnicode_InternFromString("is_coroutine");
    return str_dependant && str_is_coroutine ? 0 : -1;
}

static PyObject *hook_make(PyTypeObject *type, vectorcallfunc call, PyObject *args,
                           PyObject *kwargs) {
    PyObject *original, *python, *current;
    if (takes_no_keywords(kwargs)) return NULL;
    if (!PyArg_ParseTuple(args, "OOO", &original, &python, &current)) return NULL;
    Hook *self = PyObject_GC_New(Hook, type);
    if (!self) return NULL;
    self->call = call;
    self->original = Py_NewRef(original);
    self->python = Py_NewRef(python);
    self->current = Py_NewRef(current);
    self->dict = NULL;
    PyObject_GC_Track((PyObject *)self);
    return (PyObject *)self;
}

/* The request that the running code belongs to, in its first step. NULL and no exception: there is
 * none, or it is further. none: there is none. */
static Request *in_first_step(Hook *self, int *none) {
    PyObject *request = PyObject_CallNoArgs(self->current);
    *none = request == Py_None;
    if (request && Py_TYPE(request) == RequestType && ((Request *)request)->state == FIRST &&
        ((Request *)request)->serving)
        return (Request *)request;
    Py_XDECREF(request);
    PyErr_Clear();
    return NULL;
}

/* What FastAPI's router has chosen has a name already, and it is the only one of its route. */
static int names_it(Request *request, PyObject *const *named_args, PyObject *names) {
    Serving *serving = request->serving;
    PyObject *dependant = NULL, *is_coroutine = NULL;
    for (Py_ssize_t i = 0; names && i < PyTuple_Size(names); i++) {
        PyObject *name = PyTuple_GetItem(names, i);
        if (name == str_dependant) dependant = named_args[i];
        else if (name == str_is_coroutine) is_coroutine = named_args[i];
    }
    if (!dependant || !is_coroutine || request->named != serving->unnamed) return 0;
    PyObject *id = PyLong_FromVoidPtr(dependant);
    PyObject *named = id ? PyDict_GetItemWithError(serving->single, id) : NULL;
    Py_XDECREF(id);
    if (!named) return 0;
    PyObject *before = request->named;
    request->named = Py_NewRef(named);
    Py_DECREF(before);
    if (is_coroutine == Py_True)
        serving->cell[C_NOW_WHAT] = named_number(named, 0);
    else /* its thread's cell will have the name */
        request->own = 1;
    return 1;
}

/* run_endpoint_function(*, dependant, values, is_coroutine) */
static PyObject *endpoint_call(PyObject *given, PyObject *const *args, size_t n, PyObject *names) {
    Hook *self = (Hook *)given;
    int none;
    Request *request = in_first_step(self, &none);
    if (request && names_it(request, args + placed(n), names)) none = 1;
    Py_XDECREF((PyObject *)request);
    if (PyErr_Occurred()) PyErr_Clear();
    return PyObject_Vectorcall(none ? self->original : self->python, args, n, names);
}

/* run_sync(func, ...): a function without arguments on its way to a worker thread */
static PyObject *hop_call(PyObject *given, PyObject *const *args, size_t n, PyObject *names) {
    Hook *self = (Hook *)given;
    int none;
    Request *request = in_first_step(self, &none);
    PyObject *hop = NULL, *result;
    if (request && !names && placed(n) == 1 && request->own && request->serving->pool_known) {
        uint64_t t = now_ns();
        if ((hop = hop_new(request->serving, request, args[0], t))) {
            request->own = 0;
            request->on_thread = BY_THREAD;
            request->submitted = t;
        }
    }
    Py_XDECREF((PyObject *)request);
    if (!hop) {
        PyErr_Clear();
        return PyObject_Vectorcall(none ? self->original : self->python, args, n, names);
    }
    result = call_with(self->original, hop);
    Py_DECREF(hop);
    return result;
}

static PyObject *endpoint_hook_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    return hook_make(type, endpoint_call, args, kwargs);
}

static PyObject *hop_hook_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    return hook_make(type, hop_call, args, kwargs);
}

static int hook_traverse(Hook *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->original);
    Py_VISIT(self->python);
    Py_VISIT(self->current);
    Py_VISIT(self->dict);
    return 0;
}

static int hook_clear(Hook *self) {
    Py_CLEAR(self->dict);
    return 0;
}

static void hook_dealloc(Hook *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack((PyObject *)self);
    hook_clear(self);
    Py_DECREF(self->original);
    Py_DECREF(self->python);
    Py_DECREF(self->current);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMemberDef hook_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(Hook, dict), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Hook, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
#define HOOK_SLOTS(make)                                                                           \
    {                                                                                              \
        {Py_tp_new, make}, {Py_tp_dealloc, hook_dealloc}, {Py_tp_traverse, hook_traverse},         \
            {Py_tp_clear, hook_clear}, {Py_tp_members, hook_members},                              \
            {Py_tp_call, PyVectorcall_Call}, {                                                     \
            0, NULL                                                                                \
        }                                                                                          \
    }
#define HOOK_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL)
static PyType_Slot endpoint_slots[] = HOOK_SLOTS(endpoint_hook_make);
static PyType_Slot hop_slots[] = HOOK_SLOTS(hop_hook_make);
PyType_Spec endpoint_hook_spec = {
    "threadscope.probe._native.EndpointHook", sizeof(Hook), 0, HOOK_FLAGS, endpoint_slots};
PyType_Spec hop_hook_spec = {
    "threadscope.probe._native.HopHook", sizeof(Hook), 0, HOOK_FLAGS, hop_slots};
