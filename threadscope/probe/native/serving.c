/* What never changes on an event loop; and the module. */
#include "native.h"

PyTypeObject *RecordsType, *CellType, *RequestType, *ServingType, *StepsType, *ObservedType;
PyTypeObject *SendType, *HopType, *EndpointHookType, *HopHookType;

void tell_error(PyObject *error) {
    PyErr_Clear();
    Py_XDECREF(PyObject_CallNoArgs(error));
    PyErr_Clear();
}

/* -- the object -------------------------------------------------------------------------------- */
static PyObject *serving_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    unsigned long long at, tid;
    PyObject *records, *loop, *unstarted, *arriving, *enter, *free_open, *open_slot,
        *error, *unnamed, *single, *local, *new_cell, *told;
    if (takes_no_keywords(kwargs)) return NULL;
    if (!PyArg_ParseTuple(args, "O!OKKOOOO!OOOO!OOO", RecordsType, &records, &loop, &at, &tid,
                          &unstarted, &arriving, &enter, &PyList_Type, &free_open,
                          &open_slot, &error, &unnamed, &PyDict_Type, &single, &local, &new_cell,
                          &told))
        return NULL;
    if (at > ((Records *)records)->n_words - CELL_WORDS) {
        PyErr_SetString(PyExc_ValueError, "no such cell");
        return NULL;
    }
    Serving *self = PyObject_GC_New(Serving, type);
    if (!self) return NULL;
    memset((char *)self + sizeof(PyObject), 0, sizeof(Serving) - sizeof(PyObject));
    self->records = (Records *)Py_NewRef(records);
    self->cell = self->records->words + at;
    self->tid = tid;
    self->cpu = cpu_ns();
    self->loop = Py_NewRef(loop);
    self->unstarted = Py_NewRef(unstarted);
    self->arriving = Py_NewRef(arriving);
    self->enter = Py_NewRef(enter);
    self->free_open = Py_NewRef(free_open);
    self->open_slot = Py_NewRef(open_slot);
    self->error = Py_NewRef(error);
    self->unnamed = Py_NewRef(unnamed);
    self->single = Py_NewRef(single);
    self->local = Py_NewRef(local);
    self->new_cell = Py_NewRef(new_cell);
    self->told = Py_NewRef(told);
    PyObject_GC_Track((PyObject *)self);
    return (PyObject *)self;
}

/* All that it refers to lives as long as its loop: it is collected whole, and clears nothing. */
static int serving_traverse(Serving *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->loop);
    Py_VISIT(self->unstarted);
    Py_VISIT(self->arriving);
    Py_VISIT(self->enter);
    Py_VISIT(self->free_open);
    Py_VISIT(self->open_slot);
    Py_VISIT(self->error);
    Py_VISIT(self->unnamed);
    Py_VISIT(self->single);
    Py_VISIT(self->local);
    Py_VISIT(self->new_cell);
    Py_VISIT(self->told);
    return 0;
}

static void serving_dealloc(Serving *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack((PyObject *)self);
    Py_DECREF(self->records);
    Py_DECREF(self->loop);
    Py_DECREF(self->unstarted);
    Py_DECREF(self->arriving);
    Py_DECREF(self->enter);
    Py_DECREF(self->free_open);
    Py_DECREF(self->open_slot);
    Py_DECREF(self->error);
    Py_DECREF(self->unnamed);
    Py_DECREF(self->single);
    Py_DECREF(self->local);
    Py_DECREF(self->new_cell);
    Py_DECREF(self->told);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* serve(app, scope, receive, send, arrived) */
static PyObject *serving_serve(Serving *self, PyObject *args) {
    unsigned long long arrived;
    PyObject *app, *asgi[3];
    if (!PyArg_ParseTuple(args, "OOOOK", &app, &asgi[0], &asgi[1], &asgi[2], &arrived))
        return NULL;
    return steps_serve(self, app, asgi, arrived);
}

/* drive(coro, request): of a middleware's child task */
static PyObject *serving_drive(Serving *self, PyObject *const *args, Py_ssize_t n) {
    if (n != 2 || Py_TYPE(args[1]) != RequestType) {
        PyErr_SetString(PyExc_TypeError, "drive takes a coroutine and a request");
        return NULL;
    }
    return steps_new(self, args[0], (Request *)args[1], 0);
}

static PyMemberDef serving_members[] = {
    {"look_at", T_ULONGLONG, offsetof(Serving, look_at), 0, NULL},
    {"pool_known", T_BOOL, offsetof(Serving, pool_known), 0, NULL},
    {"inside", T_INT, offsetof(Serving, inside), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyMethodDef serving_methods[] = {
    {"serve", (PyCFunction)serving_serve, METH_VARARGS, NULL},
    {"drive", (PyCFunction)(void (*)(void))serving_drive, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot serving_slots[] = {
    {Py_tp_doc, "What never changes on an event loop: see native.serving()."},
    {Py_tp_new, serving_make},
    {Py_tp_dealloc, serving_dealloc},
    {Py_tp_traverse, serving_traverse},
    {Py_tp_members, serving_members},
    {Py_tp_methods, serving_methods},
    {0, NULL},
};
PyType_Spec serving_spec = {
    "threadscope.probe._native.Serving", sizeof(Serving), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, serving_slots};

/* -- the module -------------------------------------------------------------------------------- */
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_native", "The probe's fast path, compiled.", -1, NULL, NULL, NULL,
    NULL, NULL};

static int add_type(PyObject *to, const char *name, PyType_Spec *spec, PyTypeObject **type) {
    *type = (PyTypeObject *)PyType_FromSpec(spec);
    return *type ? PyModule_AddObjectRef(to, name, (PyObject *)*type) : -1;
}

PyMODINIT_FUNC PyInit__native(void) {
    static PyObject *only; /* the probe goes by two names: here, and in a server of others */
    if (only) return Py_NewRef(only);
    PyObject *made = PyModule_Create(&module);
    if (!made) return NULL;
    if (request_names() < 0 || observed_names() < 0 || hops_names() < 0 || hooks_names() < 0 ||
        add_type(made, "Records", &records_spec, &RecordsType) < 0 ||
        add_type(made, "Cell", &cell_spec, &CellType) < 0 ||
        add_type(made, "Request", &request_spec, &RequestType) < 0 ||
        add_type(made, "Send", &send_spec, &SendType) < 0 ||
        add_type(made, "Serving", &serving_spec, &ServingType) < 0 ||
        add_type(made, "Steps", &steps_spec, &StepsType) < 0 ||
        add_type(made, "Observed", &observed_spec, &ObservedType) < 0 ||
        add_type(made, "Hop", &hop_spec, &HopType) < 0 ||
        add_type(made, "EndpointHook", &endpoint_hook_spec, &EndpointHookType) < 0 ||
        add_type(made, "HopHook", &hop_hook_spec, &HopHookType) < 0 ||
        PyModule_AddIntConstant(made, "RING_VERSION", RING_VERSION) < 0) {
        Py_DECREF(made);
        return NULL;
    }
    only = Py_NewRef(made);
    return made;
}
