/* An endpoint on its way to a worker thread, and there, see `hops.running`. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    Serving *serving;
    Request *request;
    PyObject *function;
    uint64_t submitted;
} Hop;

static PyObject *str_cell, *worker;

int hops_names(void) {
    str_cell = PyUnicode_InternFromString("cell");
    worker = PyLong_FromLong(ROLE_WORKER);
    return str_cell && worker ? 0 : -1;
}

static PyObject *hop_call(PyObject *, PyObject *const *, size_t, PyObject *);

PyObject *hop_new(Serving *serving, Request *request, PyObject *function, uint64_t submitted) {
    Hop *self = PyObject_GC_New(Hop, HopType);
    if (!self) return NULL;
    self->call = hop_call;
    self->serving = (Serving *)Py_NewRef((PyObject *)serving);
    self->request = (Request *)Py_NewRef((PyObject *)request);
    self->function = Py_NewRef(function);
    self->submitted = submitted;
    PyObject_GC_Track((PyObject *)self);
    return (PyObject *)self;
}

/* The cell of the running thread; NULL and no exception where it can have none. */
static Cell *own_cell(Serving *self) {
    PyObject *cell = PyObject_GetAttr(self->local, str_cell);
    if (!cell) { /* the thread's first hop */
        PyErr_Clear();
        cell = call_with(self->new_cell, worker);
    }
    if (cell && Py_TYPE(cell) == CellType &&
        ((Cell *)cell)->at <= self->records->n_words - CELL_WORDS)
        return (Cell *)cell;
    Py_XDECREF(cell);
    tell_error(self->error);
    return NULL;
}

static void hop_ends(Serving *self, Request *request, Cell *cell, uint64_t begin, uint64_t wall,
                     uint64_t submitted) {
    if (wall <= SHORT_HOP_NS && request->on_thread == BY_LOOP) {
        request->hop_tid = cell->tid;
        request->hop_begin = begin;
        request->hop_wall = wall;
        request->hop = 1;
        request->on_thread = 0;
        return;
    }
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace); /* the endpoint's */
    request->hop = 0;
    request->on_thread = 0;
    PyObject *told = PyObject_CallFunction(self->told, "OOKKK", cell, request,
                                           (unsigned long long)begin, (unsigned long long)wall,
                                           (unsigned long long)(begin - submitted));
    if (!told) tell_error(self->error);
    Py_XDECREF(told);
    PyErr_Restore(type, value, trace);
}

/* On the worker thread. */
static PyObject *hop_call(PyObject *given, PyObject *const *args, size_t n, PyObject *names) {
    Hop *hop = (Hop *)given;
    Serving *self = hop->serving;
    Request *request = hop->request;
    Cell *cell = own_cell(self);
    if (!cell) return PyObject_Vectorcall(hop->function, args, n, names); /* the app comes first */
    uint64_t *words = self->records->words + cell->at, begin = now_ns();
    words[C_HOPS] = ++cell->hops;
    words[C_NOW_SINCE] = begin;
    words[C_NOW_WHAT] = named_number(request->named, 5);
    words[C_NOW_CLIENT] = request->client;
    publish(words + C_NOW_REQUEST, request->id);
    if (begin > cell->read_again) {
        cell->cpu = cpu_ns();
        cell->read_again = begin + READ_AGAIN_NS;
    }
    PyObject *result = PyObject_Vectorcall(hop->function, args, n, names);
    uint64_t wall = now_ns() - begin;
    publish(words + C_NOW_REQUEST, 0);
    hop_ends(self, request, cell, begin, wall, hop->submitted);
    Py_DECREF(cell);
    return result;
}

static int hop_traverse(Hop *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->serving);
    Py_VISIT(self->request);
    Py_VISIT(self->function);
    return 0;
}

static void hop_dealloc(Hop *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack((PyObject *)self);
    Py_DECREF((PyObject *)self->serving);
    Py_DECREF((PyObject *)self->request);
    Py_DECREF(self->function);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMemberDef hop_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Hop, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot hop_slots[] = {
    {Py_tp_doc, "An endpoint on its way to a worker thread; called there, it is run and timed."},
    {Py_tp_dealloc, hop_dealloc},
    {Py_tp_traverse, hop_traverse},
    {Py_tp_members, hop_members},
    {Py_tp_call, PyVectorcall_Call},
    {0, NULL},
};
PyType_Spec hop_spec = {
    "threadscope.probe._native.Hop", sizeof(Hop), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
        Py_TPFLAGS_DISALLOW_INSTANTIATION,
    hop_slots};
