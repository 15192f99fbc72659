/* The probe's fast path, compiled: what its parts share.
 *
 * It does what `requests.py`, `steps.py` and `hops.py` do for each request, and leaves to them what
 * few requests need: names, hops that are no endpoints, long ones. It is built against the stable
 * ABI, so that one file serves every CPython from 3.11 on; where it cannot be loaded, they do all
 * of it themselves.
 * All of it runs with the GIL held. */
#ifndef THREADSCOPE_NATIVE_H
#define THREADSCOPE_NATIVE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>
#include <time.h>

/* -- calls without a tuple: of the stable ABI from 3.12 on, and the same in 3.11 ---------------- */
#if Py_LIMITED_API < 0x030C0000
typedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *);
PyAPI_FUNC(PyObject *) PyObject_Vectorcall(PyObject *, PyObject *const *, size_t, PyObject *);
PyAPI_FUNC(PyObject *) PyVectorcall_Call(PyObject *, PyObject *, PyObject *);
#define Py_TPFLAGS_HAVE_VECTORCALL (1UL << 11)
#define PY_VECTORCALL_ARGUMENTS_OFFSET ((size_t)1 << (8 * sizeof(size_t) - 1))
#endif

/* -- the ring's layout: `layout.py` has the words to it, and a test compares both -------------- */
#define RING_VERSION 4
enum { C_HOPS, C_NOW_SINCE, C_NOW_WHAT, C_NOW_CLIENT, C_NOW_REQUEST, C_ENDED = 8, CELL_WORDS = 16 };
enum { O_ARRIVED, O_WHAT, O_SINCE, O_CLIENT_REQUEST, O_REQUEST, OPEN_WORDS = 8 };
enum { W_HEARTBEAT = 6, RECORD_WORDS = 8 };
#define SLEEP_AFTER_NS 5000000000u
enum { ARRIVE = 1, ENDPOINT = 2, STEP = 3, END = 4, HOP_OUT = 6, HOP_END = 12 };
enum { F_ENDPOINT = 1, F_FAILED = 8, F_ONLY = 16, ROLE_WORKER = 2, SHORT_HOP_NS = 0xFFFF };
enum { BY_THREAD = 1, BY_LOOP = 2 };
enum { FIRST, OPEN, ENDED };
enum { READ_STEP_NS = 250000, READ_AGAIN_NS = 1000000, STEP_RECORD_NS = 1000000 };
_Static_assert(READ_STEP_NS / 1000 <= UINT8_MAX, "a HOP_END has a byte for its last step, us");

typedef struct __attribute__((packed)) {
    uint8_t kind, flags;
    uint16_t status;
    uint32_t tid;
    uint64_t request, t, a;
    uint32_t x, y, z;
    uint16_t what, n;
} Payload; /* of a record, between its two numbers */

typedef struct __attribute__((packed)) {
    uint8_t kind, last_us;
    uint16_t status;
    uint32_t tid, worker, client, first;
    uint64_t request, arrived;
    uint32_t ended_after, begun_after;
    uint16_t hop, what;
} HopEnd; /* HOP_ENDS of `layout.py` */

/* -- objects ---------------------------------------------------------------------------------- */
typedef struct {
    PyObject_HEAD
    Py_buffer view;
    uint64_t *words, n_words, *records, slots, claimed, requests;
} Records; /* where the events of a process are written */

typedef struct {
    PyObject_HEAD
    unsigned long long at, now, begin, tid, hops, cpu, read_again;
} Cell; /* a thread's, see `ring.Cell` */

typedef struct {
    PyObject_HEAD
    Records *records;
    PyObject *loop, *unstarted, *arriving; /* names that are seldom needed: see `names.py` */
    PyObject *enter, *free_open, *open_slot, *error, *unnamed, *single;
    PyObject *local, *new_cell, *told; /* of hops */
    uint64_t *cell;
    unsigned long long tid, cpu, read_again;
    unsigned long long look_at; /* until then somebody watches, as far as we know */
    int inside;                 /* a step that nobody is told of */
    char pool_known;            /* endpoints' hops are timed here */
} Serving; /* what never changes on an event loop, see `steps.driving` */

typedef struct {
    PyObject_HEAD
    Serving *serving;
    PyObject *named, *scope, *status; /* scope: until the app has returned */
    unsigned long long arrived, ended, id, client, held, idle, longest, slot, steps, submitted;
    unsigned long long hop_tid, hop_begin, hop_wall;
    int on_thread, state;
    char own, hop;
} Request; /* see `requests.Request` */

extern PyTypeObject *RecordsType, *CellType, *RequestType, *ServingType, *StepsType, *ObservedType;
extern PyTypeObject *SendType, *HopType, *EndpointHookType, *HopHookType;
extern PyType_Spec records_spec, cell_spec, request_spec, serving_spec, steps_spec, observed_spec;
extern PyType_Spec send_spec, hop_spec, endpoint_hook_spec, hop_hook_spec;

int request_names(void); /* makes the strings that it looks up; -1: an exception is set */
int observed_names(void);
int hops_names(void);
int hooks_names(void);
uint64_t client_of(PyObject *scope);
Request *request_new(Serving *, PyObject *scope);
PyObject *request_send(Request *, PyObject *reply); /* stands in for the server's `send` */
PyObject *hop_new(Serving *, Request *, PyObject *function, uint64_t submitted);
PyObject *steps_new(Serving *, PyObject *coro, Request *, int outermost);
PyObject *steps_serve(Serving *, PyObject *app, PyObject *const *asgi, uint64_t arrived);
/* of books.c */
void opens(Serving *, Request *, uint64_t wall);
void goes_on(Serving *, Request *, uint64_t wall);
void over(Serving *, Request *, uint64_t begin, uint64_t wall);
void step_ended(Serving *, Request *, uint64_t begin, uint64_t wall, int last);
void step_begins(Serving *, Request *, uint64_t begin);
uint64_t step_ends(Serving *, uint64_t begin); /* how long it was, ns */
uint64_t free_slot(Serving *);
void is_open(Serving *, Request *, uint64_t slot);
void end_with_hop(Serving *, Request *, uint64_t first, uint64_t wall);

void tell_error(PyObject *error); /* counts an exception that is set as ours, and drops it */

/* -- small things ------------------------------------------------------------------------------ */
static inline uint64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static inline uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
static inline uint64_t cpu_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

/* A word whose reader may be another process: what was written before it is seen before it. */
static inline void publish(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* The next record: its number, and then what it says. */
static inline void put_record(Records *records, const void *payload) {
    uint64_t seq = ++records->claimed;
    uint64_t *record = records->records + seq % records->slots * RECORD_WORDS;
    __atomic_store_n(record, seq, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(record + 1, payload, (RECORD_WORDS - 2) * sizeof(uint64_t));
    publish(record + RECORD_WORDS - 1, seq);
}

/* How many of a call's arguments go by their place. */
static inline size_t placed(size_t n) { return n & ~PY_VECTORCALL_ARGUMENTS_OFFSET; }

/* Calls with one argument. */
static inline PyObject *call_with(PyObject *function, PyObject *given) {
    PyObject *room[] = {NULL, given}; /* for a method's `self` */
    return PyObject_Vectorcall(function, room + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
}

/* Of a constructor: 1, and an exception is set, where it was given some. */
static inline int takes_no_keywords(PyObject *kwargs) {
    if (!kwargs || !PyDict_Size(kwargs)) return 0;
    PyErr_SetString(PyExc_TypeError, "it takes no keywords");
    return 1;
}

/* A field of `names.Named` that is a number; 0 where it is none. */
static inline uint64_t named_number(PyObject *named, Py_ssize_t index) {
    PyObject *item = PyTuple_Check(named) ? PyTuple_GetItem(named, index) : NULL;
    uint64_t number = item ? PyLong_AsUnsignedLongLong(item) : 0;
    if (item && number != (uint64_t)-1) return number;
    PyErr_Clear();
    return 0;
}

#endif
