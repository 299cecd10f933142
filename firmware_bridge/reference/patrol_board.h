/* The board's side of the Patrol Edge board link (docs/board-link.md): session, requests that are
 * done once, dead-man switch, events that are not lost, reports.
 *
 * Freestanding C99: no allocation, no library but memcpy and memset. 2.3 KiB of RAM and 6 KiB
 * of flash. One thread calls everything, but for pb_feed, which an interrupt of the same core may
 * call. It needs loads and stores of 16 bits that no interrupt splits: on a processor of 8 bits,
 * call pb_feed with interrupts off, from the main loop.
 *
 *     static pb_board board;
 *     pb_init(&board, &description, &hooks, millis());
 *     // in the UART's interrupt:     pb_feed(&board, byte);
 *     // in the main loop, each 5 ms: pb_poll(&board, millis());
 *
 * If the main loop hangs, nothing here can help: let the hardware's watchdog reset the board, and
 * let reset leave all outputs off.
 */
#ifndef PATROL_BOARD_H
#define PATROL_BOARD_H

#include "patrol_frame.h"

enum { /* what a frame is */
    PB_HELLO = 0x01,
    PB_HEARTBEAT = 0x02,
    PB_BYE = 0x03,
    PB_PING = 0x10, /* 0x10 to 0x3f: requests */
    PB_SET = 0x11,
    PB_POINT = 0x12,
    PB_DESCRIBE = 0x13,
    PB_EVENT_READ = 0x14,
    PB_EVENT_CLEAR = 0x15,
    PB_ACK = 0x80,
    PB_WELCOME = 0x81,
    PB_REPORT = 0x82
};

typedef enum { /* how a request went */
    PB_OK = 0,
    PB_NO_SESSION,
    PB_OUT_OF_ORDER,
    PB_UNKNOWN_TYPE,
    PB_BAD_PAYLOAD,
    PB_NO_SUCH,
    PB_BAD_VALUE,
    PB_DEAD_MAN,
    PB_STOPPED,
    PB_FAULT
} pb_result;

enum { /* kinds of channels */
    PB_SEARCHLIGHT = 1,
    PB_BEACON,
    PB_SIREN,
    PB_AMPLIFIER,
    PB_RELAY,
    PB_PAN_TILT,
    PB_RECORD_LAMP,
    PB_MOTION
};

enum { PB_HAS_DEAD_MAN = 1 }; /* flag of a channel: off when the host falls silent */

enum { /* kinds of inputs */
    PB_INPUT_SOS = 1,
    PB_INPUT_EMERGENCY_STOP,
    PB_INPUT_LIGHT_BAR,
    PB_INPUT_SIREN,
    PB_INPUT_COVER,
    PB_INPUT_OTHER
};

enum { PB_STEADY, PB_STROBE, PB_PATROL, PB_PURSUIT, PB_WAIL, PB_YELP, PB_HI_LO }; /* patterns */

enum { PB_ITEM_BOARD, PB_ITEM_CHANNEL, PB_ITEM_INPUT, PB_ITEM_TEMPERATURE };

enum { PB_EVENT_DEAD_MAN = 1, PB_EVENT_INPUT, PB_EVENT_BOOT, PB_EVENT_FAULT };

enum { PB_CAUSE_POWER, PB_CAUSE_WATCHDOG, PB_CAUSE_REQUEST, PB_CAUSE_BROWN_OUT, PB_CAUSE_CRASH };

enum { /* fault bits */
    PB_FAULT_OVERHEAT = 0x01,
    PB_FAULT_UNDERVOLTAGE = 0x02,
    PB_FAULT_OVERCURRENT = 0x04,
    PB_FAULT_OUTPUT_STAGE = 0x08,
    PB_FAULT_SETTINGS = 0x10,
    PB_FAULT_SENSOR = 0x20
};
#define PB_FAULTS_THAT_STOP (PB_FAULT_OVERHEAT | PB_FAULT_OVERCURRENT | PB_FAULT_OUTPUT_STAGE)

#define PB_DEAD_MAN_MS 400u
#define PB_REPORT_MS 200u
#define PB_REPORT_GAP_MS 50u /* between two reports of changes; more below 38,400 baud */

#define PB_MOST_CHANNELS 16u
#define PB_MOST_INPUTS 16u
#define PB_MOST_TEMPERATURES 4u
#define PB_MOST_POINTINGS 2u
#define PB_MOST_EVENTS 16u
#define PB_URGENT_EVENTS 4u /* of them, kept free for SOS, emergency stop, dead-man and boot */
#define PB_REMEMBERED 8u    /* results; the host has 4 requests on their way at most */
#define PB_TEXT_MAX 32u
#define PB_FRAMES_A_POLL 4u /* taken at most, so that the dead-man switch is never kept waiting */
#define PB_RECEIVE 512u     /* bytes between two polls: 44 ms at 115,200 baud; a power of two */

#define PB_UNKNOWN_MILLI 0xffffu
#define PB_UNKNOWN_TEMPERATURE 0x7fff

typedef struct {
    const char *name; /* at most PB_TEXT_MAX bytes of ASCII, as all texts */
    uint8_t kind;
    uint8_t flags;
    uint32_t max_on_ms; /* 0: no limit of its own */
    uint16_t patterns;  /* a bit for each that it knows: 1u << PB_WAIL */
} pb_channel;

typedef struct {
    const char *name;
    uint8_t kind;
} pb_input;

typedef struct { /* stays where it is while the board runs */
    const char *model, *serial, *firmware, *hardware;
    uint16_t year; /* of the last calibration; 0: never */
    uint8_t month, day;
    uint32_t boot; /* another number after each start: a counter in flash, or random */
    uint8_t cause;
    const pb_channel *channels;
    const pb_input *inputs;
    const char *const *temperatures;
    uint8_t channel_count, input_count, temperature_count; /* none above PB_MOST_... */
} pb_description;

typedef struct { /* what one output shall do */
    bool on;
    uint16_t level; /* 0..1000 */
    uint8_t pattern;
    int32_t pan_mdeg, tilt_mdeg; /* of a pan/tilt head; off means: stop where it is */
    uint32_t speed_mdps;         /* 0: its own */
} pb_output;

typedef struct { /* none may wait: the dead-man switch would, too */
    void *context; /* handed to each */
    /* into a buffer, which an interrupt or DMA empties; what has no room is left out whole */
    void (*send)(void *context, const uint8_t *bytes, size_t count);
    void (*apply)(void *context, uint8_t channel, const pb_output *output);
    void (*text)(void *context, uint8_t byte); /* not of this link: console or management */
} pb_hooks;

typedef struct {
    pb_output output;
    uint32_t since_ms, hold_ms; /* off after that; 0: never */
    int32_t pan_mdeg, tilt_mdeg; /* where it looks */
    bool moving, faulty;
} pb_channel_state;

typedef struct {
    uint32_t number, at_ms;
    int32_t value;
    uint8_t kind, subject;
} pb_event;

typedef struct {
    const pb_description *description;
    pb_hooks hooks;
    volatile uint8_t received[PB_RECEIVE]; /* one writer (pb_feed), one reader (pb_poll) */
    volatile uint16_t received_in, received_out;
    volatile uint16_t overruns;
    pf_splitter splitter;
    pf_item item;
    pf_frame out;

    uint32_t started_ms, now_ms; /* now_ms counts from the start */
    uint32_t session;            /* 0: no host */
    uint32_t alive_ms;
    bool silent;
    uint32_t latched; /* number of the dead-man event that was not cleared yet */
    uint16_t expected;
    struct {
        uint16_t sequence;
        uint8_t type, result;
        bool used;
    } results[PB_REMEMBERED];

    pb_channel_state channels[PB_MOST_CHANNELS];
    uint16_t inputs, faults;
    uint16_t supply_mv, supply_ma;
    int16_t temperatures[PB_MOST_TEMPERATURES]; /* 0.1 degrees Celsius */

    pb_event events[PB_MOST_EVENTS];
    uint8_t event_count;
    uint32_t last_event;
    uint16_t events_lost;

    uint16_t repeats, report_sequence;
    uint32_t reported_ms;
    bool reported, report_due;
} pb_board;

/* All outputs off: each channel's `apply` is called. `description` must outlive the board. Before
 * the UART's interrupt is switched on. */
void pb_init(pb_board *board, const pb_description *description, const pb_hooks *hooks,
             uint32_t now_ms);

/* One byte from the UART. May be called by an interrupt. */
void pb_feed(pb_board *board, uint8_t byte);

/* Everything else: call it every 5 ms or more often. `now_ms` may wrap around. */
void pb_poll(pb_board *board, uint32_t now_ms);

/* What the board's own software knows; told to the host with the next report. */
void pb_set_input(pb_board *board, uint8_t input, bool pressed); /* debounced */
void pb_set_faults(pb_board *board, uint16_t bits, bool on);
void pb_set_supply(pb_board *board, uint16_t millivolt, uint16_t milliampere);
void pb_set_temperature(pb_board *board, uint8_t index, int16_t tenths);
void pb_set_pointing(pb_board *board, uint8_t channel, int32_t pan_mdeg, int32_t tilt_mdeg,
                     bool moving);
void pb_set_channel_fault(pb_board *board, uint8_t channel, bool faulty);

#endif
