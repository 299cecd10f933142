/* The reference as a shared library with a clock that the caller keeps: what the tests in Python
 * drive byte by byte beside the simulated board. */
#include "equipment.h"

#include <string.h>

void script_start(uint32_t now);
void script_feed(const uint8_t *bytes, size_t count);
size_t script_poll(uint32_t now, uint8_t *sent, size_t room);
void script_input(uint8_t input, bool pressed);
void script_faults(uint16_t bits, bool on);

static pb_board board;
static uint8_t queue[65536];
static size_t queued;

static void send_bytes(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    if (queued + count <= sizeof queue) {
        memcpy(queue + queued, bytes, count);
        queued += count;
    }
}

static void apply_output(void *context, uint8_t channel, const pb_output *output)
{
    (void)context;
    (void)channel;
    (void)output;
}

static void text(void *context, uint8_t byte)
{
    (void)context;
    (void)byte;
}

void script_start(uint32_t now)
{
    static const pb_hooks hooks = {NULL, send_bytes, apply_output, text};

    queued = 0;
    pb_init(&board, &DESCRIPTION, &hooks, now);
    pb_set_supply(&board, 12600, 350);
    pb_set_temperature(&board, 0, 250);
    pb_set_temperature(&board, 1, 250);
}

void script_feed(const uint8_t *bytes, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        pb_feed(&board, bytes[i]);
    }
}

/* Returns how many bytes the board sent. */
size_t script_poll(uint32_t now, uint8_t *sent, size_t room)
{
    size_t count;

    pb_poll(&board, now);
    count = queued < room ? queued : room;
    memcpy(sent, queue, count);
    queued = 0;
    return count;
}

void script_input(uint8_t input, bool pressed)
{
    pb_set_input(&board, input, pressed);
}

void script_faults(uint16_t bits, bool on)
{
    pb_set_faults(&board, bits, on);
}
