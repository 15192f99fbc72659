/* Steps: what an ASGI wrapper returns to be awaited; it drives a request's coroutine and times each
 * of its runs, see `steps.driving`. */
#include "native.h"

enum stage {
    NEW,     /* nothing of the app was called */
    ON_WAY,  /* after its first step; mostly its endpoint is on a thread, or on its way there */
    DRIVEN,  /* any other way */
    OVER
};

typedef struct {
    PyObject_HEAD
    Serving *serving;
    Request *request;                          /* NULL: NEW */
    PyObject *coro;                            /* NULL: NEW or OVER */
    PyObject *app, *scope, *receive, *reply;   /* until it starts */
    uint64_t arrived, first;                   /* first: ns of the first step, while ON_WAY */
    enum stage stage, left_at; /* left_at: where it was given up */
    int outermost; /* the request is over when the coroutine is */
    int booked;    /* ON_WAY: the loop writes of the endpoint's hop, together with the END */
    int busy;
} Steps;

/* -- running it -------------------------------------------------------------------------------- */
static PySendResult send_into(Steps *self, PyObject *value, PyObject **result) {
    self->busy = 1;
    PySendResult how = PyIter_Send(self->coro, value, result);
    self->busy = 0;
    return how;
}

/* The coroutine returned or raised. */
static PySendResult done(Steps *self, PySendResult how) {
    self->stage = OVER;
    Py_CLEAR(self->coro);
    if (self->outermost && self->request) Py_CLEAR(self->request->scope);
    return how;
}

static PySendResult drive(Steps *self, PyObject *value, PyObject *thrown, PyObject **result);

/* It has started, or never will. */
static void drop_call(Steps *self) {
    Py_CLEAR(self->app);
    Py_CLEAR(self->scope);
    Py_CLEAR(self->receive);
    Py_CLEAR(self->reply);
}

/* The request comes into being, in the context that it is run in. 0: an exception is set. */
static int begins(Steps *self) {
    Serving *serving = self->serving;
    Request *request = request_new(serving, self->scope);
    if (!request) return 0;
    self->request = request;
    request->arrived = self->arrived;
    request->id = ++serving->records->requests;
    request->client = client_of(self->scope);
    /* not reset: the server gives each request a context of its own */
    PyObject *token = call_with(serving->enter, (PyObject *)request);
    if (!token) tell_error(serving->error);
    Py_XDECREF(token);
    PyObject *send = request_send(request, self->reply);
    if (!send) return 0;
    PyObject *asgi[] = {NULL, self->scope, self->receive, send};
    self->coro =
        PyObject_Vectorcall(self->app, asgi + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(send);
    drop_call(self);
    return self->coro != NULL;
}

/* Its first step, where most of them end. */
static PySendResult first_step(Steps *self, PyObject **result) {
    Serving *serving = self->serving;
    if (!begins(self)) return done(self, PYGEN_ERROR);
    Request *request = self->request;
    if (serving->cell[C_NOW_REQUEST]) { /* inside another one's step */
        self->stage = DRIVEN;
        return drive(self, Py_None, NULL, result);
    }
    step_begins(serving, request, self->arrived);
    PySendResult how = send_into(self, Py_None, result);
    uint64_t wall = step_ends(serving, self->arrived), slot = 0;
    if (how != PYGEN_NEXT) {
        over(serving, request, self->arrived, wall);
        return done(self, how);
    }
    self->first = wall;
    if (request->on_thread && !request->state) { /* the way of each `def` endpoint */
        self->first = request->submitted - self->arrived;
        if (self->first < READ_STEP_NS) slot = free_slot(serving);
    }
    self->booked = slot != 0;
    self->stage = ON_WAY;
    if (slot) {
        request->on_thread = BY_LOOP;
        is_open(serving, request, slot); /* it waits for its endpoint's thread */
    } else if (wall > READ_STEP_NS || request->state || request->ended)
        step_ended(serving, request, self->arrived, wall, 0);
    else
        opens(serving, request, wall);
    return PYGEN_NEXT;
}

/* The hop is over, and so, mostly, is the request after this step. */
static PySendResult last_step(Steps *self, PyObject *value, PyObject **result) {
    Serving *serving = self->serving;
    Request *request = self->request;
    uint64_t begin = now_ns();
    step_begins(serving, request, begin);
    PySendResult how = send_into(self, value, result);
    uint64_t wall = step_ends(serving, begin);
    if (how == PYGEN_RETURN && request->ended && request->hop && wall < READ_STEP_NS &&
        request->ended - request->arrived <= UINT32_MAX) {
        end_with_hop(serving, request, self->first, wall);
        return done(self, how);
    }
    goes_on(serving, request, self->first);
    if (how != PYGEN_NEXT) {
        over(serving, request, begin, wall);
        return done(self, how);
    }
    step_ended(serving, request, begin, wall, 0);
    self->stage = DRIVEN;
    return how;
}

/* A step of AnyIO's own on the way to the endpoint's thread: not timed. */
static PySendResult step_of_the_way(Steps *self, PyObject *value, PyObject **result) {
    Serving *serving = self->serving;
    serving->inside++;
    PySendResult how = send_into(self, value, result);
    serving->inside--;
    if (how == PYGEN_NEXT) return how;
    if (self->booked) goes_on(serving, self->request, self->first);
    over(serving, self->request, 0, 0);
    return done(self, how);
}

/* What a `StopIteration` that is set carries; it is gone then. */
static PyObject *stop_value(void) {
    PyObject *type, *value, *trace, *carried = NULL;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (value) carried = PyObject_GetAttrString(value, "value");
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return carried;
}

static PySendResult throw_into(Steps *self, PyObject *thrown, PyObject **result) {
    PyObject *throw = PyObject_GetAttrString(self->coro, "throw");
    self->busy = 1;
    *result = throw ? PyObject_Call(throw, thrown, NULL) : NULL;
    self->busy = 0;
    Py_XDECREF(throw);
    if (*result) return PYGEN_NEXT;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return PYGEN_ERROR;
    *result = stop_value();
    return *result ? PYGEN_RETURN : PYGEN_ERROR;
}

/* A step of any kind. thrown: the arguments of `throw`, or NULL. */
static PySendResult drive(Steps *self, PyObject *value, PyObject *thrown, PyObject **result) {
    Serving *serving = self->serving;
    Request *request = self->request;
    /* not a step inside another one, nor AnyIO's own on the way to the endpoint's thread */
    int timed = !request->on_thread && !serving->cell[C_NOW_REQUEST];
    int way = request->on_thread != 0;
    uint64_t begin = 0, wall = 0;
    if (timed) step_begins(serving, request, begin = now_ns());
    serving->inside += way;
    PySendResult how =
        thrown ? throw_into(self, thrown, result) : send_into(self, value, result);
    serving->inside -= way;
    if (timed) wall = step_ends(serving, begin);
    if (how != PYGEN_NEXT) {
        if (self->outermost) over(serving, request, begin, wall);
        else if (timed) step_ended(serving, request, begin, wall, 1);
        return done(self, how);
    }
    if (!timed) return how;
    if (wall > READ_STEP_NS || request->state != OPEN || request->ended || request->submitted) {
        step_ended(serving, request, begin, wall, 0);
    } else { /* one of the many short steps of a request that waits */
        request->steps++;
        request->held += wall;
    }
    return how;
}

static int is_busy(Steps *self) {
    if (self->busy) PyErr_SetString(PyExc_ValueError, "coroutine already executing");
    return self->busy;
}

static PySendResult steps_am_send(PyObject *given, PyObject *value, PyObject **result) {
    Steps *self = (Steps *)given;
    *result = NULL;
    if (is_busy(self)) return PYGEN_ERROR;
    switch (self->stage) {
    case NEW: return first_step(self, result);
    case ON_WAY:
        if (self->request->on_thread) return step_of_the_way(self, value, result);
        if (self->booked) return last_step(self, value, result);
        self->stage = DRIVEN; /* fall through */
    case DRIVEN: return drive(self, value, NULL, result);
    case OVER: break;
    }
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

/* -- as a coroutine ---------------------------------------------------------------------------- */
/* What a caller of `send` gets. */
static PyObject *answer(PySendResult how, PyObject *result) {
    if (how != PYGEN_RETURN) return result;
    PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
    Py_XDECREF(result);
    if (stop) PyErr_SetObject(PyExc_StopIteration, stop);
    Py_XDECREF(stop);
    return NULL;
}

static PyObject *steps_send(PyObject *self, PyObject *value) {
    PyObject *result;
    PySendResult how = steps_am_send(self, value, &result);
    return answer(how, result);
}

static PyObject *steps_next(PyObject *self) {
    PyObject *result;
    PySendResult how = steps_am_send(self, Py_None, &result);
    if (how == PYGEN_RETURN && result == Py_None) { /* an iterator may end without an exception */
        Py_DECREF(result);
        return NULL;
    }
    return answer(how, result);
}

static PyObject *steps_self(PyObject *self) { return Py_NewRef(self); }

/* Its coroutine is closed; an exception may be set afterwards. */
static void shut(Steps *self) {
    Request *request = self->request;
    if (self->stage == ON_WAY && self->booked) goes_on(self->serving, request, self->first);
    request->on_thread = 0; /* the hop may never run */
    PyObject *closed = PyObject_CallMethod(self->coro, "close", NULL);
    if (self->outermost) over(self->serving, request, 0, 0);
    Py_XDECREF(closed);
    done(self, PYGEN_ERROR);
}

static PyObject *steps_throw(PyObject *given, PyObject *args) {
    Steps *self = (Steps *)given;
    PyObject *result, *first = PyTuple_Size(args) ? PyTuple_GetItem(args, 0) : NULL;
    if (!first) {
        PyErr_SetString(PyExc_TypeError, "throw expected at least 1 argument");
        return NULL;
    }
    if (is_busy(self)) return NULL;
    int live = self->stage == ON_WAY || self->stage == DRIVEN;
    if (live && PyErr_GivenExceptionMatches(first, PyExc_GeneratorExit)) {
        shut(self);
        if (PyErr_Occurred()) return NULL;
        live = 0;
    }
    if (!live) { /* it is raised here, as a coroutine would that has not begun or is over */
        self->stage = OVER;
        PyObject *value = PyTuple_Size(args) > 1 ? PyTuple_GetItem(args, 1) : NULL;
        if (PyExceptionInstance_Check(first)) PyErr_SetObject((PyObject *)Py_TYPE(first), first);
        else PyErr_SetObject(first, value == Py_None ? NULL : value);
        return NULL;
    }
    if (self->stage == ON_WAY && self->booked)
        goes_on(self->serving, self->request, self->first);
    self->stage = DRIVEN;
    self->request->on_thread = 0;
    PySendResult how = drive(self, NULL, args, &result);
    return answer(how, result);
}

static PyObject *steps_close(PyObject *given, PyObject *Py_UNUSED(ignored)) {
    Steps *self = (Steps *)given;
    if (is_busy(self)) return NULL;
    if (self->stage == ON_WAY || self->stage == DRIVEN) shut(self);
    self->stage = OVER;
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

/* -- the object -------------------------------------------------------------------------------- */
static Steps *steps_alloc(Serving *serving) {
    Steps *self = PyObject_GC_New(Steps, StepsType);
    if (!self) return NULL;
    memset((char *)self + sizeof(PyObject), 0, sizeof(Steps) - sizeof(PyObject));
    self->serving = (Serving *)Py_NewRef((PyObject *)serving);
    self->stage = NEW;
    self->outermost = 1;
    return self;
}

PyObject *steps_new(Serving *serving, PyObject *coro, Request *request, int outermost) {
    Steps *self = steps_alloc(serving);
    if (!self) return NULL;
    self->coro = Py_NewRef(coro);
    self->request = (Request *)Py_NewRef((PyObject *)request);
    self->stage = DRIVEN;
    self->outermost = outermost;
    PyObject_GC_Track((PyObject *)self);
    return (PyObject *)self;
}

/* asgi: scope, receive and send. */
PyObject *steps_serve(Serving *serving, PyObject *app, PyObject *const *asgi, uint64_t arrived) {
    Steps *self = steps_alloc(serving);
    if (!self) return NULL;
    self->app = Py_NewRef(app);
    self->scope = Py_NewRef(asgi[0]);
    self->receive = Py_NewRef(asgi[1]);
    self->reply = Py_NewRef(asgi[2]);
    self->arrived = arrived;
    PyObject_GC_Track((PyObject *)self);
    return (PyObject *)self;
}

static int steps_traverse(Steps *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->serving);
    Py_VISIT(self->request);
    Py_VISIT(self->coro);
    Py_VISIT(self->app);
    Py_VISIT(self->scope);
    Py_VISIT(self->receive);
    Py_VISIT(self->reply);
    return 0;
}

/* Not the request: `steps_dealloc` needs it. It breaks its own cycles. Whoever still has this one
 * finds it over. */
static int steps_clear(Steps *self) {
    if (self->stage != OVER) self->left_at = self->stage;
    self->stage = OVER;
    Py_CLEAR(self->coro);
    drop_call(self);
    return 0;
}

static void steps_dealloc(Steps *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack((PyObject *)self);
    steps_clear(self); /* a coroutine that nobody awaits any more is closed by this */
    if ((self->left_at == ON_WAY || self->left_at == DRIVEN) && self->outermost) {
        if (self->left_at == ON_WAY && self->booked)
            goes_on(self->serving, self->request, self->first);
        self->request->on_thread = 0;
        over(self->serving, self->request, 0, 0);
    }
    Py_CLEAR(self->request);
    Py_CLEAR(self->serving);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef steps_methods[] = {
    {"send", steps_send, METH_O, NULL},
    {"throw", steps_throw, METH_VARARGS, NULL},
    {"close", steps_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot steps_slots[] = {
    {Py_tp_doc, "A coroutine that drives another one, and times its steps."},
    {Py_tp_dealloc, steps_dealloc},
    {Py_tp_traverse, steps_traverse},
    {Py_tp_clear, steps_clear},
    {Py_tp_iter, steps_self},
    {Py_tp_iternext, steps_next},
    {Py_am_await, steps_self},
    {Py_am_send, steps_am_send},
    {Py_tp_methods, steps_methods},
    {0, NULL},
};
PyType_Spec steps_spec = {
    "threadscope.probe._native.Steps", sizeof(Steps), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, steps_slots};
