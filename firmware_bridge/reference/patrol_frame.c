#include "patrol_frame.h"

#include <string.h>

uint32_t pf_crc32(const uint8_t *data, size_t length)
{
    /* Four bits at a time: 64 bytes of table instead of 1024. */
    static const uint32_t table[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u,
        0x4db26158u, 0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
        0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu};
    uint32_t crc = 0xffffffffu;
    size_t i;

    for (i = 0; i < length; i++) {
        crc ^= data[i];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return crc ^ 0xffffffffu;
}

size_t pf_cobs_encode(const uint8_t *data, size_t length, uint8_t *out)
{
    size_t code_at = 0, to = 1, i;
    uint8_t code = 1;

    for (i = 0; i < length; i++) {
        if (data[i] != 0) {
            out[to++] = data[i];
            code++;
        }
        if (data[i] == 0 || (code == 0xff && i + 1 < length)) {
            out[code_at] = code;
            code_at = to++;
            code = 1;
        }
    }
    out[code_at] = code;
    return to;
}

bool pf_cobs_decode(const uint8_t *data, size_t length, uint8_t *out, size_t *written)
{
    size_t at = 0, to = 0;

    while (at < length) {
        uint8_t code = data[at];
        uint8_t i;

        if (code == 0 || at + code > length) {
            return false;
        }
        for (i = 1; i < code; i++) {
            if (data[at + i] == 0) {
                return false;
            }
            out[to++] = data[at + i];
        }
        at += code;
        if (code < 0xff && at < length) {
            out[to++] = 0;
        }
    }
    *written = to;
    return true;
}

size_t pf_encode(const pf_frame *frame, uint8_t *line)
{
    uint8_t raw[PF_RAW_MAX];
    uint8_t *at = raw;
    size_t stuffed;

    if (frame->length > PF_PAYLOAD_MAX) {
        return 0;
    }
    at = pf_put8(at, frame->version);
    at = pf_put8(at, frame->type);
    at = pf_put16(at, frame->sequence);
    at = pf_put8(at, frame->length);
    memcpy(at, frame->payload, frame->length);
    at += frame->length;
    at = pf_put32(at, pf_crc32(raw, (size_t)(at - raw)));
    line[0] = 0;
    stuffed = pf_cobs_encode(raw, (size_t)(at - raw), line + 1);
    line[stuffed + 1] = 0;
    return stuffed + 2;
}

pf_result pf_decode(const uint8_t *stuffed, size_t length, pf_frame *frame)
{
    uint8_t raw[PF_STUFFED_MAX];
    size_t body;

    if (length > PF_STUFFED_MAX) {
        return PF_TOO_LONG;
    }
    if (!pf_cobs_decode(stuffed, length, raw, &body)) {
        return PF_BAD_COBS;
    }
    if (body < PF_AROUND) {
        return PF_SHORT;
    }
    body -= 4;
    if (pf_get32(raw + body) != pf_crc32(raw, body)) {
        return PF_BAD_CRC;
    }
    if (raw[4] != body - PF_HEAD || raw[4] > PF_PAYLOAD_MAX) {
        return PF_BAD_LENGTH;
    }
    frame->version = raw[0];
    frame->type = raw[1];
    frame->sequence = pf_get16(raw + 2);
    frame->length = raw[4];
    memcpy(frame->payload, raw + PF_HEAD, frame->length);
    return PF_OK;
}

static void count_damage(pf_splitter *splitter)
{
    if (splitter->damaged < UINT16_MAX) {
        splitter->damaged++;
    }
}

static pf_found as_text(pf_item *item, const uint8_t *bytes, uint8_t count)
{
    memcpy(item->text, bytes, count);
    item->text_count = count;
    return PF_TEXT;
}

/* A 0x00 has come. */
static pf_found end_of_segment(pf_splitter *splitter, pf_item *item)
{
    uint16_t count = splitter->count;

    splitter->count = 0;
    splitter->in_text = false;
    if (count == 0) {
        return PF_NOTHING;
    }
    if (count == 1) {
        return as_text(item, splitter->segment, 1);
    }
    if (pf_decode(splitter->segment, count, &item->frame) != PF_OK) {
        count_damage(splitter);
        return PF_NOTHING;
    }
    splitter->frames++;
    return PF_FRAME;
}

pf_found pf_split(pf_splitter *splitter, uint8_t byte, pf_item *item)
{
    if (byte == 0) {
        return end_of_segment(splitter, item);
    }
    if (!splitter->in_text && splitter->count == PF_STUFFED_MAX) { /* it never ends */
        count_damage(splitter);
        splitter->count = 0;
        splitter->in_text = true;
    }
    if (splitter->in_text) {
        return as_text(item, &byte, 1);
    }
    splitter->segment[splitter->count++] = byte;
    if (splitter->count == 2 && (byte < PF_FIRST_VERSION || byte > PF_LAST_VERSION)) {
        splitter->count = 0;
        splitter->in_text = true;
        return as_text(item, splitter->segment, 2);
    }
    return PF_NOTHING;
}

uint16_t pf_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | ((uint16_t)at[1] << 8));
}

uint32_t pf_get32(const uint8_t *at)
{
    return (uint32_t)pf_get16(at) | ((uint32_t)pf_get16(at + 2) << 16);
}

uint8_t *pf_put8(uint8_t *at, uint8_t value)
{
    at[0] = value;
    return at + 1;
}

uint8_t *pf_put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value & 0xffu);
    at[1] = (uint8_t)(value >> 8);
    return at + 2;
}

uint8_t *pf_put32(uint8_t *at, uint32_t value)
{
    return pf_put16(pf_put16(at, (uint16_t)(value & 0xffffu)), (uint16_t)(value >> 16));
}
