/* What is booked of requests, in cells, in the open table and in records: as `requests.books` has
 * it. */
#include "native.h"

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

/* From here on the open table has it, where it has room. slot: its place there, 0: it has none. */
void is_open(Serving *serving, Request *request, uint64_t slot) {
    request->state = OPEN;
    request->slot = slot;
    if (!slot) return;
    uint64_t *open = serving->records->words + slot;
    open[O_ARRIVED] = request->arrived;
    open[O_WHAT] = named_number(request->named, 0);
    open[O_SINCE] = request->submitted;
    open[O_CLIENT_REQUEST] = request->client;
    publish(open + O_REQUEST, request->id);
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

static uint32_t us(uint64_t ns) {
    return ns / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(ns / 1000);
}

/* The number of a name that Python works out; 0 where it cannot. */
static uint16_t ask_name(Serving *serving, PyObject *which, Request *request) {
    PyObject *scope = request->scope ? request->scope : Py_None;
    PyObject *named = PyObject_CallFunctionObjArgs(which, scope, NULL);
    unsigned long number = named ? PyLong_AsUnsignedLong(named) : 0;
    Py_XDECREF(named);
    if (PyErr_Occurred()) {
        tell_error(serving->error);
        number = 0;
    }
    return (uint16_t)number;
}

static uint16_t name_of(Serving *serving, Request *request) {
    uint64_t number = named_number(request->named, 0);
    return number ? (uint16_t)number : ask_name(serving, serving->unstarted, request);
}

/* Of a request that ended in its first step: its only record. */
static void end_only(Serving *serving, Request *request, uint64_t wall, uint64_t used, int failed) {
    uint16_t status;
    request->state = ENDED;
    serving->cell[C_ENDED]++;
    if (!status_of(serving, request, &status)) return;
    Payload payload = {
        .kind = END, .flags = (uint8_t)(named_number(request->named, 1) | F_ONLY | failed),
        .status = status, .tid = (uint32_t)serving->tid, .request = request->id,
        .t = request->ended, .a = request->arrived, .x = us(used),
        .y = (uint32_t)request->client, .z = us(wall), .what = name_of(serving, request), .n = 1,
    };
    put_record(serving->records, &payload);
}

/* Of one that has waited. */
static void end(Serving *serving, Request *request, int failed) {
    uint16_t status;
    uint64_t steps = request->steps, idle = us(request->idle);
    request->state = ENDED;
    if (request->slot) give_back(serving, request->slot);
    request->slot = 0;
    serving->cell[C_ENDED]++;
    if (!status_of(serving, request, &status)) return;
    uint32_t held = us(request->held);
    Payload payload = {
        .kind = END, .flags = (uint8_t)(named_number(request->named, 1) | failed),
        .status = status, .tid = (uint32_t)serving->tid, .request = request->id,
        .t = request->ended, .a = request->arrived, .x = idle < held ? held - (uint32_t)idle : 0,
        .y = held, .z = us(request->longest), .what = name_of(serving, request),
        .n = steps > 0xFFFF ? 0xFFFF : (uint16_t)steps, /* a long stream */
    };
    put_record(serving->records, &payload);
}

/* It waits for the first time. wall: of its first step. */
void opens(Serving *serving, Request *request, uint64_t wall) {
    uint16_t number = (uint16_t)named_number(request->named, 0);
    if (!request->on_thread) request->submitted = 0;
    request->steps = 1;
    request->idle = 0;
    request->held = request->longest = wall;
    is_open(serving, request, free_slot(serving));
    if (request->submitted) return; /* its endpoint's hop will tell that it started */
    Payload payload = {
        .kind = number ? ENDPOINT : ARRIVE, /* in its first step: routing took microseconds */
        .flags = number ? (uint8_t)named_number(request->named, 1) : 0,
        .tid = (uint32_t)serving->tid, .request = request->id, .t = request->arrived,
        .a = number ? request->arrived : 0, .x = (uint32_t)request->client,
        .what = number ? number : ask_name(serving, serving->arriving, request),
    };
    put_record(serving->records, &payload);
}

/* What comes after its endpoint's hop is not one short step. wall: of its first one. */
static void book_goes_on(Serving *serving, Request *request, uint64_t wall) {
    request->steps = 1;
    request->idle = 0;
    request->held = request->longest = wall;
    if (request->on_thread) {
        request->on_thread = BY_THREAD;
        return;
    }
    if (!request->hop) return;
    Payload payload = {
        .kind = HOP_OUT, .flags = F_ENDPOINT, .tid = (uint32_t)request->hop_tid,
        .request = request->id, .t = request->hop_begin + request->hop_wall,
        .a = request->hop_begin, .x = us(request->hop_wall),
        .y = us(request->hop_begin - request->submitted), .z = (uint32_t)request->client,
        .what = (uint16_t)named_number(request->named, 4),
    };
    put_record(serving->records, &payload);
}

/* CPU time of a step, ns; a record of it where it is very long. */
static uint64_t cpu_of(Serving *serving, Request *request, uint64_t begin, uint64_t wall) {
    if (wall < READ_STEP_NS) return wall;
    uint64_t before = serving->cpu;
    serving->cpu = cpu_ns();
    serving->read_again = begin + wall + READ_AGAIN_NS;
    uint64_t used = serving->cpu - before < wall ? serving->cpu - before : wall;
    if (wall >= STEP_RECORD_NS) {
        Payload payload = {
            .kind = STEP, .tid = (uint32_t)serving->tid, .request = request->id,
            .t = begin + wall, .a = begin, .x = us(used),
            .what = (uint16_t)named_number(request->named, 0),
            .n = request->state == FIRST ? 1 : (uint16_t)(request->steps + 1),
        };
        put_record(serving->records, &payload);
    }
    return used;
}

/* It ran on the event loop. last: it will not again. */
static void book_step(Serving *serving, Request *request, uint64_t begin, uint64_t wall, int last) {
    int first = request->state == FIRST;
    uint64_t used = first ? cpu_of(serving, request, begin, wall) : 0;
    if (first && !(last || request->ended)) {
        opens(serving, request, wall);
        request->idle = wall - used;
    } else if (first) {
        if (request->ended) end_only(serving, request, wall, used, 0);
    } else if (request->state == OPEN) {
        used = cpu_of(serving, request, begin, wall);
        request->steps++;
        request->held += wall;
        request->idle += wall - used;
        if (wall > request->longest) request->longest = wall;
        if (request->ended) {
            end(serving, request, 0);
        } else if (request->submitted && !request->on_thread) {
            request->submitted = 0;
            if (request->slot) serving->records->words[request->slot + O_SINCE] = 0;
        }
    } else {
        cpu_of(serving, request, begin, wall);
    }
}

/* Its call has returned or raised. begin, wall: of its last step, where that was not booked; wall
 * 0: it was. */
static void book_over(Serving *serving, Request *request, uint64_t begin, uint64_t wall) {
    if (wall) book_step(serving, request, begin, wall, 1);
    else if (request->state == OPEN && request->ended) end(serving, request, 0);
    if (request->state == ENDED) return; /* what raises afterwards is no failed request */
    int failed = request->ended ? 0 : F_FAILED;
    if (failed) {
        long status = request->status ? PyLong_AsLong(request->status) : 0;
        PyErr_Clear();
        if (status == 0) { /* what the server answers for the app */
            PyObject *before = request->status;
            request->status = PyLong_FromLong(500);
            Py_XDECREF(before);
        }
        request->ended = now_ns();
    }
    if (request->state == OPEN) end(serving, request, failed);
    else end_only(serving, request, wall, wall, failed);
}

/* An exception that is set is the app's, and stays; one of ours does not get to it. */
#define KEEPING(booked)                                                                            \
    do {                                                                                           \
        PyObject *type, *value, *trace;                                                            \
        int theirs = PyErr_Occurred() != NULL;                                                     \
        if (theirs) PyErr_Fetch(&type, &value, &trace);                                            \
        booked;                                                                                    \
        if (theirs) PyErr_Restore(type, value, trace);                                             \
        else if (PyErr_Occurred()) PyErr_Clear();                                                  \
    } while (0)

void goes_on(Serving *serving, Request *request, uint64_t wall) {
    KEEPING(book_goes_on(serving, request, wall));
}

void step_ended(Serving *serving, Request *request, uint64_t begin, uint64_t wall, int last) {
    KEEPING(book_step(serving, request, begin, wall, last));
}

void over(Serving *serving, Request *request, uint64_t begin, uint64_t wall) {
    KEEPING(book_over(serving, request, begin, wall));
}
