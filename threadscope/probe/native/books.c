/* What is booked of requests: in cells, in the open table and in records here, and by
 * `requests.books` where a request goes another way. */
#include "native.h"

/* -- the books --------------------------------------------------------------------------------- */
/* Calls one of `requests.books`; an exception that is set is the app's, and stays. */
static void book(Serving *serving, PyObject *which, Request *request, const char *format, ...) {
    PyObject *type, *value, *trace, *args, *done = NULL;
    va_list numbers;
    PyErr_Fetch(&type, &value, &trace);
    va_start(numbers, format);
    args = Py_VaBuildValue(format, numbers);
    va_end(numbers);
    if (args) {
        PyObject *all = PyTuple_New(PyTuple_Size(args) + 1);
        if (all) {
            PyTuple_SetItem(all, 0, Py_NewRef((PyObject *)request));
            for (Py_ssize_t i = 0; i < PyTuple_Size(args); i++)
                PyTuple_SetItem(all, i + 1, Py_NewRef(PyTuple_GetItem(args, i)));
            done = PyObject_Call(which, all, NULL);
            Py_DECREF(all);
        }
        Py_DECREF(args);
    }
    if (!done) tell_error(serving->error);
    Py_XDECREF(done);
    PyErr_Restore(type, value, trace);
}

void opens(Serving *serving, Request *request, uint64_t wall) {
    book(serving, serving->opens, request, "(K)", (unsigned long long)wall);
}

void goes_on(Serving *serving, Request *request, uint64_t wall) {
    book(serving, serving->goes_on, request, "(K)", (unsigned long long)wall);
}

void over(Serving *serving, Request *request, uint64_t begin, uint64_t wall) {
    book(serving, serving->over, request, "(KK)", (unsigned long long)begin,
         (unsigned long long)wall);
}

void step_ended(Serving *serving, Request *request, uint64_t begin, uint64_t wall,
                       int last) {
    book(serving, serving->step_ended, request, "(KKO)", (unsigned long long)begin,
         (unsigned long long)wall, last ? Py_True : Py_False);
}

/* -- cells, and records ------------------------------------------------------------------------ */
void step_begins(Serving *serving, Request *request, uint64_t begin) {
    uint64_t *cell = serving->cell;
    cell[C_NOW_SINCE] = begin;
    cell[C_NOW_WHAT] = named_number(request->named, 0);
    cell[C_NOW_CLIENT] = request->client;
    publish(cell + C_NOW_REQUEST, request->id);
    if (begin > serving->read_again) {
        serving->cpu = cpu_ns();
        serving->read_again = begin + READ_AGAIN_NS;
    }
}

uint64_t step_ends(Serving *serving, uint64_t begin) {
    publish(serving->cell + C_NOW_REQUEST, 0);
    return now_ns() - begin;
}

/* 0 to 65535; what else an app may send as its status counts as an error of ours. */
static int status_of(Serving *serving, Request *request, uint16_t *status) {
    long value = request->status ? PyLong_AsLong(request->status) : 0;
    if ((value == -1 && PyErr_Occurred()) || value < 0 || value > 0xFFFF) {
        tell_error(serving->error);
        return 0;
    }
    *status = (uint16_t)value;
    return 1;
}

/* Of a request that ended in its first step: its only record. */
void end_only(Serving *serving, Request *request, uint64_t wall) {
    uint16_t status;
    serving->cell[C_ENDED]++;
    request->state = ENDED;
    if (!status_of(serving, request, &status)) return;
    uint32_t us = (uint32_t)(wall / 1000);
    Payload payload = {
        .kind = END, .flags = (uint8_t)(named_number(request->named, 1) | F_ONLY),
        .status = status, .tid = (uint32_t)serving->tid, .request = request->id,
        .t = request->ended, .a = request->arrived, .x = us, .y = (uint32_t)request->client,
        .z = us, .what = (uint16_t)named_number(request->named, 0), .n = 1,
    };
    put_record(serving->records, &payload);
}

/* Index of a free slot of the open table, or 0. */
uint64_t free_slot(Serving *serving) {
    Py_ssize_t n = PyList_Size(serving->free_open);
    PyObject *slot;
    if (n > 0) {
        slot = Py_NewRef(PyList_GetItem(serving->free_open, n - 1));
        PyList_SetSlice(serving->free_open, n - 1, n, NULL);
    } else {
        slot = PyObject_CallNoArgs(serving->open_slot);
    }
    uint64_t index = slot ? PyLong_AsUnsignedLongLong(slot) : 0;
    Py_XDECREF(slot);
    if (PyErr_Occurred() || index > serving->records->n_words - OPEN_WORDS) {
        tell_error(serving->error);
        return 0;
    }
    return index;
}

static void give_back(Serving *serving, uint64_t slot) {
    PyObject *index = PyLong_FromUnsignedLongLong(slot);
    publish(serving->records->words + slot + O_REQUEST, 0);
    if (!index || PyList_Append(serving->free_open, index) < 0) tell_error(serving->error);
    Py_XDECREF(index);
}

/* It waits for its endpoint's thread: from here on the open table has it. */
void waits(Serving *serving, Request *request, uint64_t slot) {
    uint64_t *open = serving->records->words + slot;
    open[O_ARRIVED] = request->arrived;
    open[O_WHAT] = named_number(request->named, 0);
    open[O_SINCE] = request->submitted;
    open[O_CLIENT_REQUEST] = request->client;
    publish(open + O_REQUEST, request->id);
    request->state = OPEN;
    request->on_thread = BY_LOOP;
    request->slot = slot;
}

/* Of one that was a short step, a short hop of its endpoint, and another short step. */
void end_with_hop(Serving *serving, Request *request, uint64_t first, uint64_t wall) {
    uint16_t status;
    give_back(serving, request->slot);
    serving->cell[C_ENDED]++;
    request->slot = 0;
    request->state = ENDED;
    if (!status_of(serving, request, &status)) return;
    HopEnd payload = {
        .kind = HOP_END, .last_us = (uint8_t)(wall / 1000), .status = status,
        .tid = (uint32_t)serving->tid, .worker = (uint32_t)request->hop_tid,
        .client = (uint32_t)request->client, .first = (uint32_t)first, .request = request->id,
        .arrived = request->arrived,
        .ended_after = (uint32_t)(request->ended - request->arrived),
        .begun_after = (uint32_t)(request->hop_begin - request->arrived),
        .hop = (uint16_t)request->hop_wall, .what = (uint16_t)named_number(request->named, 0),
    };
    put_record(serving->records, &payload);
}
