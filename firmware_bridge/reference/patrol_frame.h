/* The frame of the Patrol Edge board link (docs/board-link.md): one message on a serial line.
 *
 *     0x00 | COBS( version type sequence(2) length payload(0..240) CRC-32(4) ) | 0x00
 *
 * Freestanding C99: no allocation, no library but memcpy and memset. Little-endian on the line,
 * whatever the processor is.
 */
#ifndef PATROL_FRAME_H
#define PATROL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PF_PROTOCOL 2u /* 1 was never shipped */
#define PF_FIRST_VERSION 1u /* a frame's second byte on the line lies within these two */
#define PF_LAST_VERSION 7u

#define PF_PAYLOAD_MAX 240u
#define PF_HEAD 5u
#define PF_AROUND (PF_HEAD + 4u)
#define PF_RAW_MAX (PF_AROUND + PF_PAYLOAD_MAX) /* less than 254: COBS adds one byte */
#define PF_STUFFED_MAX (PF_RAW_MAX + 1u)
#define PF_LINE_MAX (PF_STUFFED_MAX + 2u)

typedef struct {
    uint8_t version;
    uint8_t type;
    uint16_t sequence;
    uint8_t length;
    uint8_t payload[PF_PAYLOAD_MAX];
} pf_frame;

typedef enum {
    PF_OK = 0,
    PF_BAD_COBS,
    PF_SHORT,
    PF_BAD_CRC,
    PF_BAD_LENGTH,
    PF_TOO_LONG
} pf_result;

/* CRC-32 of IEEE 802.3, clause 3.2.9, as zlib computes it. */
uint32_t pf_crc32(const uint8_t *data, size_t length);

/* COBS without delimiter (Cheshire and Baker, 1999). `out` holds length + 1 + length / 254 bytes at
 * least. Returns how many were written. */
size_t pf_cobs_encode(const uint8_t *data, size_t length, uint8_t *out);

/* The other way; `out` holds `length` bytes at least. False if no encoder makes such bytes. */
bool pf_cobs_decode(const uint8_t *data, size_t length, uint8_t *out, size_t *written);

/* What goes on the line, with both delimiters: at most PF_LINE_MAX bytes. Returns how many; 0 if
 * the frame's length is too large. */
size_t pf_encode(const pf_frame *frame, uint8_t *line);

/* Of what stood between two delimiters. */
pf_result pf_decode(const uint8_t *stuffed, size_t length, pf_frame *frame);

/* Bytes of one UART, sorted: whole frames, and what is none of them. */
typedef struct {
    uint8_t segment[PF_STUFFED_MAX]; /* since the last 0x00, while it may be a frame */
    uint16_t count;
    bool in_text;
    uint32_t frames;
    uint16_t damaged; /* frames with a wrong CRC, length or stuffing; stays at 65535 */
} pf_splitter;

typedef enum {
    PF_NOTHING = 0, /* wait for more */
    PF_FRAME,       /* `frame` is whole */
    PF_TEXT         /* `text_count` bytes of `text` are no frame's: a management line or console */
} pf_found;

typedef struct {
    pf_frame frame;
    uint8_t text[2];
    uint8_t text_count;
} pf_item;

pf_found pf_split(pf_splitter *splitter, uint8_t byte, pf_item *item);

/* Fields of a payload. */
uint16_t pf_get16(const uint8_t *at);
uint32_t pf_get32(const uint8_t *at);
uint8_t *pf_put8(uint8_t *at, uint8_t value);
uint8_t *pf_put16(uint8_t *at, uint16_t value);
uint8_t *pf_put32(uint8_t *at, uint32_t value);

#endif
