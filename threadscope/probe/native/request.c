/* A request, and the stand-in for its `send`, see `requests.Request`. */
#include "native.h"

static PyObject *str_status, *str_type, *str_more_body, *str_body, *str_headers, *zero;

int request_names(void) {
    str_status = PyUnicode_InternFromString("status");
    str_type = PyUnicode_InternFromString("type");
    str_more_body = PyUnicode_InternFromString("more_body");
    str_body = PyUnicode_InternFromString("http.response.body");
    str_headers = PyUnicode_InternFromString("headers");
    zero = PyLong_FromLong(0);
    return str_status && str_type && str_more_body && str_body && str_headers && zero ? 0 : -1;
}

/* The number that our own load gave it, 0: another client. It sends it first; looking further would
 * cost each request of all others. */
uint64_t client_of(PyObject *scope) {
    static const char header[] = "x-threadscope-request";
    PyObject *headers = PyDict_Check(scope) ? PyDict_GetItemWithError(scope, str_headers) : NULL;
    PyObject *first = headers ? PySequence_GetItem(headers, 0) : NULL;
    PyObject *name = first ? PySequence_GetItem(first, 0) : NULL, *value = NULL;
    uint64_t number = 0;
    if (name && PyBytes_Check(name) && PyBytes_Size(name) == sizeof header - 1 &&
        !memcmp(PyBytes_AsString(name), header, sizeof header - 1))
        value = PySequence_GetItem(first, 1);
    if (value && PyBytes_Check(value) && PyBytes_Size(value) < 11)
        for (const char *at = PyBytes_AsString(value); *at; at++)
            number = *at >= '0' && *at <= '9' ? number * 10 + (uint64_t)(*at - '0') : 0;
    Py_XDECREF(value);
    Py_XDECREF(name);
    Py_XDECREF(first);
    PyErr_Clear(); /* no header at all, or no scope that a server would make */
    return number & 0xFFFFFFFF;
}

Request *request_new(Serving *serving, PyObject *scope) {
    Request *self = PyObject_GC_New(Request, RequestType);
    if (!self) return NULL;
    memset((char *)self + sizeof(PyObject), 0, sizeof(Request) - sizeof(PyObject));
    self->serving = (Serving *)Py_NewRef((PyObject *)serving);
    self->named = Py_NewRef(serving->unnamed);
    self->scope = Py_NewRef(scope);
    self->status = Py_NewRef(zero);
    self->steps = 1;
    PyObject_GC_Track((PyObject *)self);
    return self;
}

static int request_traverse(Request *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->serving);
    Py_VISIT(self->named);
    Py_VISIT(self->scope);
    Py_VISIT(self->status);
    return 0;
}

/* The numbers stay: whoever still has the request may ask for them. */
static int request_clear(Request *self) {
    Py_CLEAR(self->scope);
    return 0;
}

static void request_dealloc(Request *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack((PyObject *)self);
    request_clear(self);
    Py_CLEAR(self->status);
    Py_CLEAR(self->named);
    Py_CLEAR(self->serving);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* A new reference to what a mapping has, or NULL and no exception. */
static PyObject *found(PyObject *mapping, PyObject *key) {
    PyObject *value;
    if (PyDict_Check(mapping)) {
        value = PyDict_GetItemWithError(mapping, key);
        Py_XINCREF(value);
    } else {
        value = PyObject_GetItem(mapping, key);
    }
    if (!value) PyErr_Clear(); /* the server will say what is wrong with it */
    return value;
}

static void look(Request *self, PyObject *message) {
    PyObject *status = found(message, str_status);
    if (status) {
        PyObject *before = self->status;
        self->status = status;
        Py_XDECREF(before);
        return;
    }
    PyObject *type = found(message, str_type);
    int is_body = type ? PyObject_RichCompareBool(type, str_body, Py_EQ) : 0;
    Py_XDECREF(type);
    if (is_body > 0) {
        PyObject *more = found(message, str_more_body);
        int goes_on = more ? PyObject_IsTrue(more) : 0;
        Py_XDECREF(more);
        if (!goes_on) self->ended = now_ns();
    }
    PyErr_Clear();
}

/* -- what the app gets in place of the server's `send` ------------------------------------------ */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    Request *request; /* which does not refer to what the server has of it: a timer that the server
                       * starts in the request's context would keep all that until the connection's
                       * next request */
    PyObject *reply;  /* the server's own */
} Send;

/* send(message); returns what the server's own returns. */
static PyObject *send_call(PyObject *given, PyObject *const *args, size_t n, PyObject *names) {
    Send *self = (Send *)given;
    size_t named = names ? (size_t)PyTuple_Size(names) : 0;
    if (placed(n) + named != 1) return PyObject_Vectorcall(self->reply, args, n, names);
    look(self->request, args[0]); /* or `send(message={...})` */
    return named ? PyObject_Vectorcall(self->reply, args, n, names)
                 : call_with(self->reply, args[0]);
}

PyObject *request_send(Request *request, PyObject *reply) {
    Send *self = PyObject_GC_New(Send, SendType);
    if (!self) return NULL;
    self->call = send_call;
    self->request = (Request *)Py_NewRef((PyObject *)request);
    self->reply = Py_NewRef(reply);
    PyObject_GC_Track((PyObject *)self);
    return (PyObject *)self;
}

/* All else of the server's own shows through. */
static PyObject *send_getattr(PyObject *self, PyObject *name) {
    PyObject *found = PyObject_GenericGetAttr(self, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
    PyErr_Clear();
    return PyObject_GetAttr(((Send *)self)->reply, name);
}

static int send_traverse(Send *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->request);
    Py_VISIT(self->reply);
    return 0;
}

static void send_dealloc(Send *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack((PyObject *)self);
    Py_DECREF((PyObject *)self->request);
    Py_DECREF(self->reply);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMemberDef send_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Send, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot send_slots[] = {
    {Py_tp_doc, "Stands in for the server's `send`."},
    {Py_tp_dealloc, send_dealloc},
    {Py_tp_traverse, send_traverse},
    {Py_tp_getattro, send_getattr},
    {Py_tp_members, send_members},
    {Py_tp_call, PyVectorcall_Call},
    {0, NULL},
};
PyType_Spec send_spec = {
    "threadscope.probe._native.Send", sizeof(Send), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
        Py_TPFLAGS_DISALLOW_INSTANTIATION,
    send_slots};

/* -- a request's fields, for Python ------------------------------------------------------------ */
static PyObject *request_get_loop(Request *self, void *Py_UNUSED(closure)) {
    return Py_NewRef(self->serving->loop);
}

/* Of its endpoint's hop, if the event loop is to write of it: tid, begin, wall time. */
static PyObject *request_get_hop(Request *self, void *Py_UNUSED(closure)) {
    if (!self->hop) Py_RETURN_NONE;
    return Py_BuildValue("KKK", self->hop_tid, self->hop_begin, self->hop_wall);
}

static int request_set_hop(Request *self, PyObject *value, void *Py_UNUSED(closure)) {
    if (value && value != Py_None) {
        PyErr_SetString(PyExc_TypeError, "only None");
        return -1;
    }
    self->hop = 0;
    return 0;
}

#define OBJECT(name) {#name, T_OBJECT, offsetof(Request, name), 0, NULL}
#define NUMBER(name) {#name, T_ULONGLONG, offsetof(Request, name), 0, NULL}
static PyMemberDef request_members[] = {
    OBJECT(named), OBJECT(scope), OBJECT(status),
    NUMBER(arrived), NUMBER(ended), NUMBER(id), NUMBER(client), NUMBER(held), NUMBER(idle),
    NUMBER(longest), NUMBER(slot), NUMBER(steps), NUMBER(submitted),
    {"on_thread", T_INT, offsetof(Request, on_thread), 0, NULL},
    {"state", T_INT, offsetof(Request, state), 0, NULL},
    {"own", T_BOOL, offsetof(Request, own), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef request_computed[] = {
    {"loop", (getter)request_get_loop, NULL, NULL, NULL},
    {"hop", (getter)request_get_hop, (setter)request_set_hop, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot request_slots[] = {
    {Py_tp_doc, "As requests.Request."},
    {Py_tp_dealloc, request_dealloc},
    {Py_tp_traverse, request_traverse},
    {Py_tp_clear, request_clear},
    {Py_tp_members, request_members},
    {Py_tp_getset, request_computed},
    {0, NULL},
};
PyType_Spec request_spec = {
    "threadscope.probe._native.Request", sizeof(Request), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, request_slots};
