/* Any bytes into the reference, under sanitizers.
 *
 *     clang -std=c99 -I.. -fsanitize=fuzzer,address,undefined fuzz.c ../patrol_*.c
 *     cc -std=c99 -I.. -DALONE -fsanitize=address,undefined fuzz.c ../patrol_*.c    without libFuzzer
 *
 * The first byte of an input says how it is fed: bit 0, as whole frames (the fuzzer need not find a
 * CRC by chance), else as bytes on the line. A board is never without a host for long.
 */
#include "equipment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t sent;

static void send_bytes(void *context, const uint8_t *bytes, size_t count)
{
    size_t i;

    (void)context;
    for (i = 0; i < count; i++) {
        sent += bytes[i]; /* reads each: the sanitizers see one that was never written */
    }
}

static void apply_output(void *context, uint8_t channel, const pb_output *output)
{
    (void)context;
    if (channel >= DESCRIPTION.channel_count || output->level > 1000) {
        abort();
    }
}

static void text(void *context, uint8_t byte)
{
    (void)context;
    sent += byte;
}

static void feed(pb_board *board, const uint8_t *bytes, size_t count, uint32_t now)
{
    size_t i;

    for (i = 0; i < count; i++) {
        pb_feed(board, bytes[i]);
    }
    pb_poll(board, now);
}

static void say(pb_board *board, uint8_t type, uint16_t sequence, const uint8_t *payload,
                uint8_t length, uint32_t now)
{
    uint8_t line[PF_LINE_MAX];
    pf_frame frame;

    frame.version = PF_PROTOCOL;
    frame.type = type;
    frame.sequence = sequence;
    frame.length = length;
    memcpy(frame.payload, payload, length);
    feed(board, line, pf_encode(&frame, line), now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const pb_hooks hooks = {NULL, send_bytes, apply_output, text};
    static const uint8_t hello[] = {7, 0, 0, 0, 100, 0, 0};
    static pb_board board;
    uint32_t now = 5;
    uint16_t sequence = 1;
    size_t at = 1;

    pb_init(&board, &DESCRIPTION, &hooks, 0);
    say(&board, PB_HELLO, 0, hello, sizeof hello, now);
    while (size > 0 && at + 2 < size) {
        uint8_t kind = data[at], length = data[at + 1];

        at += 2;
        if (length > size - at) {
            length = (uint8_t)(size - at);
        }
        if (length > PF_PAYLOAD_MAX) {
            length = PF_PAYLOAD_MAX;
        }
        now += 1u + kind;
        if ((data[0] & 1u) != 0) {
            say(&board, kind, sequence, data + at, length, now);
            sequence = (uint16_t)(sequence + (kind >= 0x10 && kind < 0x40 ? 1u : 0u));
        } else {
            feed(&board, data + at, length, now);
        }
        pb_set_input(&board, kind & 7u, (length & 1u) != 0);
        at += length;
    }
    return 0;
}

#ifdef ALONE
int main(int argc, char **argv)
{
    static uint8_t data[512];
    unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000ul, run;
    size_t i;

    srand(1);
    for (run = 0; run < runs; run++) {
        size_t size = (size_t)rand() % sizeof data;

        for (i = 0; i < size; i++) {
            data[i] = (uint8_t)(rand() % 4 == 0 ? rand() % 32 : rand() % 256);
        }
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%lu runs, %u\n", run, sent);
    return 0;
}
#endif
