/* Stand-ins for two functions that each request of an endpoint goes through, see `hooks.py` and
 * `hops.py`. What is out of the ordinary goes to the same in Python. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    PyObject *original, *python, *current, *dict;
} Hook;

static PyObject *str_dependant, *str_is_coroutine;

int hooks_names(void) {
    str_dependant = PyUnicode_InternFromString("dependant");
    str_is_coroutine = PyUnicode_InternFromString("is_coroutine");
    return str_dependant && str_is_coroutine ? 0 : -1;
}

static PyObject *hook_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *original, *python, *current;
    if (takes_no_keywords(kwargs)) return NULL;
    if (!PyArg_ParseTuple(args, "OOO", &original, &python, &current)) return NULL;
    Hook *self = PyObject_GC_New(Hook, type);
    if (!self) return NULL;
    self->original = Py_NewRef(original);
    self->python = Py_NewRef(python);
    self->current = Py_NewRef(current);
    self->dict = NULL;
    PyObject_GC_Track((PyObject *)self);
    return (PyObject *)self;
}

/* The request that the running code belongs to, in its first step; NULL and no exception: none. */
static Request *in_first_step(Hook *self) {
    PyObject *request = PyObject_CallNoArgs(self->current);
    if (request && Py_TYPE(request) == RequestType && ((Request *)request)->state == FIRST &&
        ((Request *)request)->serving)
        return (Request *)request;
    Py_XDECREF(request);
    PyErr_Clear();
    return NULL;
}

/* What FastAPI's router has chosen has a name already, and it is the only one of its route. */
static int names_it(Request *request, PyObject *kwargs) {
    Serving *serving = request->serving;
    PyObject *dependant = kwargs ? PyDict_GetItemWithError(kwargs, str_dependant) : NULL;
    PyObject *is_coroutine = kwargs ? PyDict_GetItemWithError(kwargs, str_is_coroutine) : NULL;
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
static PyObject *endpoint_call(Hook *self, PyObject *args, PyObject *kwargs) {
    Request *request = in_first_step(self);
    int named = request ? names_it(request, kwargs) : 0;
    Py_XDECREF((PyObject *)request);
    if (PyErr_Occurred()) PyErr_Clear();
    return PyObject_Call(named ? self->original : self->python, args, kwargs);
}

/* run_sync(func, ...): a function without arguments on its way to a worker thread */
static PyObject *hop_call(Hook *self, PyObject *args, PyObject *kwargs) {
    Request *request = kwargs || PyTuple_Size(args) != 1 ? NULL : in_first_step(self);
    PyObject *hop = NULL, *result;
    if (request && request->own && request->serving->pool_known) {
        uint64_t t = now_ns();
        if ((hop = hop_new(request->serving, request, PyTuple_GetItem(args, 0), t))) {
            request->own = 0;
            request->on_thread = BY_THREAD;
            request->submitted = t;
        }
    }
    Py_XDECREF((PyObject *)request);
    if (!hop) {
        PyErr_Clear();
        return PyObject_Call(self->python, args, kwargs);
    }
    result = PyObject_CallFunctionObjArgs(self->original, hop, NULL);
    Py_DECREF(hop);
    return result;
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
    {NULL, 0, 0, 0, NULL},
};
#define HOOK_SLOTS(call)                                                                           \
    {                                                                                              \
        {Py_tp_new, hook_make}, {Py_tp_dealloc, hook_dealloc}, {Py_tp_traverse, hook_traverse},    \
            {Py_tp_clear, hook_clear}, {Py_tp_members, hook_members}, {Py_tp_call, call}, {        \
            0, NULL                                                                                \
        }                                                                                          \
    }
static PyType_Slot endpoint_slots[] = HOOK_SLOTS(endpoint_call);
static PyType_Slot hop_slots[] = HOOK_SLOTS(hop_call);
PyType_Spec endpoint_hook_spec = {
    "threadscope.probe._native.EndpointHook", sizeof(Hook), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, endpoint_slots};
PyType_Spec hop_hook_spec = {
    "threadscope.probe._native.HopHook", sizeof(Hook), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, hop_slots};
