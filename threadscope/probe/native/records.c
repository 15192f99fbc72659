/* Records and threads' cells: the writing end of a ring, see `ring.py`. */
#include "native.h"

static PyObject *records_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *map;
    unsigned long long at, slots;
    if (takes_no_keywords(kwargs)) return NULL;
    if (!PyArg_ParseTuple(args, "OKK", &map, &at, &slots)) return NULL;
    Records *self = PyObject_New(Records, type);
    if (!self) return NULL;
    self->words = NULL;
    self->claimed = self->requests = 0;
    if (PyObject_GetBuffer(map, &self->view, PyBUF_WRITABLE) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    self->words = self->view.buf;
    self->n_words = (uint64_t)self->view.len / sizeof(uint64_t);
    self->records = self->words + at / sizeof(uint64_t);
    self->slots = slots;
    uint64_t first = at / sizeof(uint64_t);
    if (at % sizeof(uint64_t) || (uintptr_t)self->view.buf % sizeof(uint64_t) || !slots ||
        first > self->n_words || slots > (self->n_words - first) / RECORD_WORDS) {
        PyErr_SetString(PyExc_ValueError, "no room for so many records");
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void records_dealloc(Records *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    if (self->words) PyBuffer_Release(&self->view);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *records_claim(Records *self, PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromUnsignedLongLong(++self->claimed);
}

/* A number of at most so much; anything else raises, as `struct.pack` does. */
static uint64_t number(PyObject *given, uint64_t most, int *failed) {
    uint64_t value = PyLong_AsUnsignedLongLong(given);
    if (value == (uint64_t)-1 && PyErr_Occurred()) {
        *failed = 1;
    } else if (value > most) {
        PyErr_Format(PyExc_OverflowError, "%R is too large for its field", given);
        *failed = 1;
    }
    return value;
}

/* The place of a field that was given by its name; -1: there is none. */
static int field_named(PyObject *name) {
    static const char *const names[] = {"kind", "flags", "status", "tid", "request", "t",
                                        "a",    "x",     "y",      "z",   "what",    "n"};
    for (int i = 0; i < 12; i++)
        if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0) return i;
    PyErr_Format(PyExc_TypeError, "a record has no field %R", name);
    return -1;
}

static PyObject *records_put(Records *self, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    static const uint64_t most[] = {0xFF, 0xFF, 0xFFFF, 0xFFFFFFFF, UINT64_MAX, UINT64_MAX,
                                    UINT64_MAX, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFF, 0xFFFF};
    uint64_t field[12] = {0};
    int failed = 0;
    if (n < 6 || n > 12) {
        PyErr_SetString(PyExc_TypeError, "a record has 6 to 12 fields");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n && !failed; i++) field[i] = number(args[i], most[i], &failed);
    for (Py_ssize_t i = 0; names && !failed && i < PyTuple_Size(names); i++) {
        int at = field_named(PyTuple_GetItem(names, i));
        if (at < 0) return NULL;
        field[at] = number(args[n + i], most[at], &failed);
    }
    if (failed) return NULL;
    Payload payload = {
        .kind = (uint8_t)field[0], .flags = (uint8_t)field[1], .status = (uint16_t)field[2],
        .tid = (uint32_t)field[3], .request = field[4], .t = field[5], .a = field[6],
        .x = (uint32_t)field[7], .y = (uint32_t)field[8], .z = (uint32_t)field[9],
        .what = (uint16_t)field[10], .n = (uint16_t)field[11],
    };
    put_record(self, &payload);
    Py_RETURN_NONE;
}

static PyMethodDef records_methods[] = {
    {"claim", (PyCFunction)records_claim, METH_NOARGS, NULL},
    {"put", (PyCFunction)(void (*)(void))records_put, METH_FASTCALL | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot records_slots[] = {
    {Py_tp_doc, "Records(map, at, slots): the events' part of a mapped ring, `at` in bytes."},
    {Py_tp_new, records_make},
    {Py_tp_dealloc, records_dealloc},
    {Py_tp_methods, records_methods},
    {0, NULL},
};
PyType_Spec records_spec = {
    "threadscope.probe._native.Records", sizeof(Records), 0, Py_TPFLAGS_DEFAULT, records_slots};

/* -- cells ------------------------------------------------------------------------------------- */
static PyObject *cell_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    unsigned long long at, tid, hops = 0;
    if (takes_no_keywords(kwargs)) return NULL;
    if (!PyArg_ParseTuple(args, "KK|K", &at, &tid, &hops)) return NULL;
    Cell *self = PyObject_New(Cell, type);
    if (!self) return NULL;
    self->at = at;
    self->tid = tid;
    self->hops = hops;
    self->now = at + C_NOW_REQUEST;
    self->begin = at * sizeof(uint64_t);
    self->cpu = self->read_again = 0;
    return (PyObject *)self;
}

static void cell_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *cell_next_hop(Cell *self, PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromUnsignedLongLong(++self->hops);
}

static PyObject *cell_lap(Cell *self, PyObject *args) {
    unsigned long long t, wall, before = self->cpu;
    if (!PyArg_ParseTuple(args, "KK", &t, &wall)) return NULL;
    self->cpu = cpu_ns();
    self->read_again = t + READ_AGAIN_NS;
    unsigned long long used = self->cpu - before;
    return PyLong_FromUnsignedLongLong(used < wall ? used : wall);
}

#define CELL_WORD(name, flags) {#name, T_ULONGLONG, offsetof(Cell, name), flags, NULL}
static PyMemberDef cell_members[] = {
    CELL_WORD(at, READONLY), CELL_WORD(now, READONLY), CELL_WORD(begin, READONLY),
    CELL_WORD(tid, READONLY), CELL_WORD(cpu, 0), CELL_WORD(read_again, 0), {NULL, 0, 0, 0, NULL},
};
static PyMethodDef cell_methods[] = {
    {"next_hop", (PyCFunction)cell_next_hop, METH_NOARGS, NULL},
    {"lap", (PyCFunction)cell_lap, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot cell_slots[] = {
    {Py_tp_doc, "Cell(at, tid, hops=0): as ring.Cell."},
    {Py_tp_new, cell_make},
    {Py_tp_dealloc, cell_dealloc},
    {Py_tp_members, cell_members},
    {Py_tp_methods, cell_methods},
    {0, NULL},
};
PyType_Spec cell_spec = {
    "threadscope.probe._native.Cell", sizeof(Cell), 0, Py_TPFLAGS_DEFAULT, cell_slots};
