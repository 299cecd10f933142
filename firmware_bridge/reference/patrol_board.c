#include "patrol_board.h"

#include <string.h>

#define FULL_LEVEL 1000u
#define PAN_MOST_MDEG 360000
#define TILT_MOST_MDEG 180000

/* --- small things -------------------------------------------------------------------------- */

static uint8_t *put_text(uint8_t *at, const char *text)
{
    uint8_t length = 0;

    while (length < PB_TEXT_MAX && text[length] != '\0') {
        at[1 + length] = (uint8_t)text[length];
        length++;
    }
    at[0] = length;
    return at + 1 + length;
}

static void count_up(uint16_t *counter)
{
    if (*counter < UINT16_MAX) {
        (*counter)++;
    }
}

static void send_frame(pb_board *board, uint8_t type, uint16_t sequence, const uint8_t *end)
{
    uint8_t line[PF_LINE_MAX];

    board->out.version = PF_PROTOCOL;
    board->out.type = type;
    board->out.sequence = sequence;
    board->out.length = (uint8_t)(end - board->out.payload);
    board->hooks.send(board->hooks.context, line, pf_encode(&board->out, line));
}

/* --- outputs ------------------------------------------------------------------------------- */

static void apply(pb_board *board, uint8_t channel)
{
    board->hooks.apply(board->hooks.context, channel, &board->channels[channel].output);
}

static void turn_off(pb_board *board, uint8_t channel)
{
    pb_channel_state *state = &board->channels[channel];

    state->output.on = false;
    state->output.level = 0;
    state->output.pattern = 0;
    state->hold_ms = 0;
    apply(board, channel);
}

/* Turn off all that has a dead-man switch. */
static void drop(pb_board *board)
{
    uint8_t i;

    for (i = 0; i < board->description->channel_count; i++) {
        if ((board->description->channels[i].flags & PB_HAS_DEAD_MAN) != 0) {
            turn_off(board, i);
        }
    }
}

static void turn_on(pb_board *board, uint8_t channel, uint16_t level, uint8_t pattern,
                    uint32_t for_ms)
{
    pb_channel_state *state = &board->channels[channel];
    uint32_t limit = board->description->channels[channel].max_on_ms;

    state->output.on = true;
    state->output.level = level;
    state->output.pattern = pattern;
    state->since_ms = board->now_ms;
    state->hold_ms = (for_ms == 0 || (limit != 0 && limit < for_ms)) ? limit : for_ms;
    apply(board, channel);
}

static void expire(pb_board *board)
{
    uint8_t i;

    for (i = 0; i < board->description->channel_count; i++) {
        const pb_channel_state *state = &board->channels[i];

        if (state->hold_ms != 0 && board->now_ms - state->since_ms >= state->hold_ms) {
            turn_off(board, i);
            board->report_due = true;
        }
    }
}

static bool is_pressed(const pb_board *board, uint8_t input)
{
    return (board->inputs & (1u << input)) != 0;
}

/* Why nothing with a dead-man switch may go on; PB_OK if it may. */
static pb_result kept_off(const pb_board *board)
{
    uint8_t i;

    if (board->latched != 0) {
        return PB_DEAD_MAN;
    }
    for (i = 0; i < board->description->input_count; i++) {
        if (board->description->inputs[i].kind == PB_INPUT_EMERGENCY_STOP
            && is_pressed(board, i)) {
            return PB_STOPPED;
        }
    }
    return (board->faults & PB_FAULTS_THAT_STOP) != 0 ? PB_FAULT : PB_OK;
}

/* --- events -------------------------------------------------------------------------------- */

static uint32_t note_event(pb_board *board, uint8_t kind, uint8_t subject, int32_t value,
                           bool urgent)
{
    uint8_t room = urgent ? PB_MOST_EVENTS : PB_MOST_EVENTS - PB_URGENT_EVENTS;

    board->last_event++;
    if (board->event_count < room) {
        pb_event *event = &board->events[board->event_count++];

        event->number = board->last_event;
        event->kind = kind;
        event->subject = subject;
        event->value = value;
        event->at_ms = board->now_ms;
    } else {
        count_up(&board->events_lost);
    }
    board->report_due = true;
    return board->last_event;
}

static void clear_events(pb_board *board, uint32_t up_to)
{
    uint8_t from, to = 0;

    for (from = 0; from < board->event_count; from++) {
        if (board->events[from].number > up_to) {
            board->events[to++] = board->events[from];
        }
    }
    board->event_count = to;
    if (board->latched != 0 && board->latched <= up_to) {
        board->latched = 0;
    }
    board->report_due = true;
}

/* --- requests: each returns how it went, and moves `at` behind what it answers --------------- */

static pb_result check_output(const pb_board *board, const uint8_t *wish)
{
    const pb_channel *channel;
    bool on = wish[1] != 0;

    if (wish[0] >= board->description->channel_count) {
        return PB_NO_SUCH;
    }
    channel = &board->description->channels[wish[0]];
    if (channel->kind == PB_PAN_TILT && on) {
        return PB_BAD_VALUE; /* a head is turned by PB_POINT */
    }
    if (pf_get16(wish + 2) > FULL_LEVEL || wish[4] > 15) {
        return PB_BAD_VALUE;
    }
    if (on && (channel->patterns & (1u << wish[4])) == 0) {
        return PB_BAD_VALUE;
    }
    return on && (channel->flags & PB_HAS_DEAD_MAN) != 0 ? kept_off(board) : PB_OK;
}

static pb_result do_set(pb_board *board, const pf_frame *frame)
{
    const uint8_t *wish = frame->payload + 1;
    uint8_t i, count = frame->length > 0 ? frame->payload[0] : 0;

    if (count == 0 || count > PB_MOST_CHANNELS || frame->length != 1u + 9u * count) {
        return PB_BAD_PAYLOAD;
    }
    for (i = 0; i < count; i++) {
        pb_result wrong = check_output(board, wish + 9u * i);

        if (wrong != PB_OK) {
            return wrong;
        }
    }
    for (i = 0; i < count; i++, wish += 9) {
        if (wish[1] != 0) {
            turn_on(board, wish[0], pf_get16(wish + 2), wish[4], pf_get32(wish + 5));
        } else {
            turn_off(board, wish[0]);
        }
    }
    board->report_due = true;
    return PB_OK;
}

static bool is_within(int32_t value, int32_t most)
{
    return value >= -most && value <= most;
}

static pb_result do_point(pb_board *board, const pf_frame *frame)
{
    const pb_channel *channel;
    pb_channel_state *state;
    int32_t pan, tilt;
    pb_result off;

    if (frame->length != 13) {
        return PB_BAD_PAYLOAD;
    }
    if (frame->payload[0] >= board->description->channel_count) {
        return PB_NO_SUCH;
    }
    channel = &board->description->channels[frame->payload[0]];
    state = &board->channels[frame->payload[0]];
    pan = (int32_t)pf_get32(frame->payload + 1);
    tilt = (int32_t)pf_get32(frame->payload + 5);
    if (channel->kind != PB_PAN_TILT || !is_within(pan, PAN_MOST_MDEG)
        || !is_within(tilt, TILT_MOST_MDEG)) {
        return PB_BAD_VALUE;
    }
    off = kept_off(board);
    if (off != PB_OK && (channel->flags & PB_HAS_DEAD_MAN) != 0) {
        return off;
    }
    state->output.pan_mdeg = state->pan_mdeg = pan; /* until pb_set_pointing tells better */
    state->output.tilt_mdeg = state->tilt_mdeg = tilt;
    state->output.speed_mdps = pf_get32(frame->payload + 9);
    turn_on(board, frame->payload[0], FULL_LEVEL, PB_STEADY, 0);
    board->report_due = true;
    return PB_OK;
}

static uint8_t *put_identity(const pb_description *it, uint8_t *at)
{
    at = pf_put8(at, it->channel_count);
    at = pf_put8(at, it->input_count);
    at = pf_put8(at, it->temperature_count);
    at = pf_put16(at, it->year);
    at = pf_put8(at, it->month);
    at = pf_put8(at, it->day);
    at = put_text(at, it->model);
    at = put_text(at, it->serial);
    at = put_text(at, it->firmware);
    return put_text(at, it->hardware);
}

static pb_result do_describe(const pb_board *board, const pf_frame *frame, uint8_t **at)
{
    const pb_description *it = board->description;
    uint8_t index;

    if (frame->length != 2) {
        return PB_BAD_PAYLOAD;
    }
    index = frame->payload[1];
    if (frame->payload[0] == PB_ITEM_BOARD && index == 0) {
        *at = put_identity(it, *at);
    } else if (frame->payload[0] == PB_ITEM_CHANNEL && index < it->channel_count) {
        *at = pf_put8(*at, it->channels[index].kind);
        *at = pf_put8(*at, it->channels[index].flags);
        *at = pf_put32(*at, it->channels[index].max_on_ms);
        *at = pf_put16(*at, it->channels[index].patterns);
        *at = put_text(*at, it->channels[index].name);
    } else if (frame->payload[0] == PB_ITEM_INPUT && index < it->input_count) {
        *at = pf_put8(*at, it->inputs[index].kind);
        *at = put_text(*at, it->inputs[index].name);
    } else if (frame->payload[0] == PB_ITEM_TEMPERATURE && index < it->temperature_count) {
        *at = put_text(*at, it->temperatures[index]);
    } else {
        return PB_NO_SUCH;
    }
    return PB_OK;
}

static pb_result do_event_read(const pb_board *board, const pf_frame *frame, uint8_t **at)
{
    uint8_t i;

    if (frame->length != 4) {
        return PB_BAD_PAYLOAD;
    }
    for (i = 0; i < board->event_count; i++) {
        const pb_event *event = &board->events[i];

        if (event->number >= pf_get32(frame->payload)) {
            *at = pf_put32(*at, event->number);
            *at = pf_put8(*at, event->kind);
            *at = pf_put8(*at, event->subject);
            *at = pf_put32(*at, (uint32_t)event->value);
            *at = pf_put32(*at, event->at_ms);
            return PB_OK;
        }
    }
    return PB_NO_SUCH;
}

static pb_result do_event_clear(pb_board *board, const pf_frame *frame)
{
    if (frame->length != 4) {
        return PB_BAD_PAYLOAD;
    }
    clear_events(board, pf_get32(frame->payload));
    return PB_OK;
}

static pb_result execute(pb_board *board, const pf_frame *frame, uint8_t **at)
{
    switch (frame->type) {
    case PB_PING:
        return frame->length == 0 ? PB_OK : PB_BAD_PAYLOAD;
    case PB_SET:
        return do_set(board, frame);
    case PB_POINT:
        return do_point(board, frame);
    case PB_DESCRIBE:
        return do_describe(board, frame, at);
    case PB_EVENT_READ:
        return do_event_read(board, frame, at);
    case PB_EVENT_CLEAR:
        return do_event_clear(board, frame);
    default:
        return PB_UNKNOWN_TYPE;
    }
}

/* --- the session ---------------------------------------------------------------------------- */

static void note_life(pb_board *board)
{
    board->alive_ms = board->now_ms;
    board->silent = false;
}

static void trip(pb_board *board)
{
    int32_t silence_ms = (int32_t)(board->now_ms - board->alive_ms);

    board->silent = true;
    drop(board);
    board->latched = note_event(board, PB_EVENT_DEAD_MAN, 0, silence_ms, true);
}

static void on_hello(pb_board *board, const pf_frame *frame)
{
    const pb_description *it = board->description;
    uint8_t *at = board->out.payload;
    uint32_t session;

    if (frame->length < 7 || frame->payload[6] > PB_TEXT_MAX
        || frame->length != 7u + frame->payload[6]) {
        return;
    }
    session = pf_get32(frame->payload);
    if (session == 0) {
        return;
    }
    if (frame->version == PF_PROTOCOL) {
        if (session != board->session) {
            drop(board); /* whoever turned it on is no more */
            board->session = session;
            board->expected = 1;
            memset(board->results, 0, sizeof board->results);
            board->report_due = true;
        }
        note_life(board);
    }
    at = pf_put32(at, session);
    at = put_text(at, it->model);
    at = put_text(at, it->firmware);
    at = pf_put32(at, it->boot);
    at = pf_put8(at, it->cause);
    send_frame(board, PB_WELCOME, 0, at);
}

static void on_heartbeat(pb_board *board, const pf_frame *frame)
{
    if (frame->length != 4) {
        return;
    }
    if (pf_get32(frame->payload) == board->session) {
        note_life(board);
    } else {
        board->report_due = true; /* it tells which session there is: none, or another */
    }
}

static void on_bye(pb_board *board, const pf_frame *frame)
{
    if (frame->length == 4 && pf_get32(frame->payload) == board->session) {
        drop(board);
        board->session = 0;
        board->report_due = true;
    }
}

static void send_ack(pb_board *board, const pf_frame *frame, pb_result result, const uint8_t *end)
{
    board->out.payload[0] = frame->type;
    board->out.payload[1] = (uint8_t)result;
    send_frame(board, PB_ACK, frame->sequence, end);
}

/* True if this request was executed before: then it is answered again from memory. */
static bool answer_again(pb_board *board, const pf_frame *frame)
{
    uint8_t *at = board->out.payload + 2;
    pb_result result;
    uint8_t i;

    for (i = 0; i < PB_REMEMBERED; i++) {
        if (board->results[i].used && board->results[i].sequence == frame->sequence
            && board->results[i].type == frame->type) {
            break;
        }
    }
    if (i == PB_REMEMBERED) {
        return false;
    }
    count_up(&board->repeats);
    result = (pb_result)board->results[i].result;
    if (result == PB_OK
        && (frame->type == PB_PING || frame->type == PB_DESCRIBE
            || frame->type == PB_EVENT_READ)) {
        result = execute(board, frame, &at); /* reading twice does no harm */
    }
    send_ack(board, frame, result, at);
    return true;
}

static void on_request(pb_board *board, const pf_frame *frame)
{
    uint8_t *at = board->out.payload + 2;
    uint8_t place = (uint8_t)(frame->sequence % PB_REMEMBERED);
    pb_result result;

    if (board->session == 0) {
        send_ack(board, frame, PB_NO_SESSION, at);
        return;
    }
    note_life(board);
    if (frame->sequence != board->expected) {
        if (!answer_again(board, frame)) {
            send_ack(board, frame, PB_OUT_OF_ORDER, pf_put16(at, board->expected));
        }
        return;
    }
    result = execute(board, frame, &at);
    board->expected++;
    board->results[place].used = true;
    board->results[place].sequence = frame->sequence;
    board->results[place].type = frame->type;
    board->results[place].result = (uint8_t)result;
    send_ack(board, frame, result, at);
}

static void on_frame(pb_board *board, const pf_frame *frame)
{
    if (frame->type == PB_HELLO) {
        on_hello(board, frame);
    } else if (frame->version != PF_PROTOCOL) {
        return;
    } else if (frame->type == PB_HEARTBEAT) {
        on_heartbeat(board, frame);
    } else if (frame->type == PB_BYE) {
        on_bye(board, frame);
    } else if (frame->type >= 0x10 && frame->type < 0x40) {
        on_request(board, frame);
    }
}

/* --- reports -------------------------------------------------------------------------------- */

static uint8_t *put_channels(const pb_board *board, uint8_t *at)
{
    uint8_t i;

    at = pf_put8(at, board->description->channel_count);
    for (i = 0; i < board->description->channel_count; i++) {
        const pb_channel_state *state = &board->channels[i];
        uint32_t on_ms = board->now_ms - state->since_ms, left_ms = 0;

        if (state->hold_ms != 0) {
            left_ms = on_ms < state->hold_ms ? state->hold_ms - on_ms : 1;
        }
        at = pf_put8(at, (uint8_t)((state->output.on ? 1u : 0u) | (state->faulty ? 2u : 0u)));
        at = pf_put16(at, state->output.level);
        at = pf_put8(at, state->output.pattern);
        at = pf_put32(at, left_ms);
    }
    return at;
}

static uint8_t *put_pointings(const pb_board *board, uint8_t *at)
{
    uint8_t *count = at++;
    uint8_t i;

    *count = 0;
    for (i = 0; i < board->description->channel_count; i++) {
        const pb_channel_state *state = &board->channels[i];

        if (board->description->channels[i].kind == PB_PAN_TILT && *count < PB_MOST_POINTINGS) {
            (*count)++;
            at = pf_put8(at, i);
            at = pf_put32(at, (uint32_t)state->pan_mdeg);
            at = pf_put32(at, (uint32_t)state->tilt_mdeg);
            at = pf_put8(at, state->moving ? 1 : 0);
        }
    }
    return at;
}

static void send_report(pb_board *board)
{
    uint8_t *at = board->out.payload;
    uint8_t i;

    at = pf_put32(at, board->session);
    at = pf_put32(at, board->now_ms);
    at = pf_put8(at, board->latched != 0 ? 1 : 0);
    at = pf_put16(at, board->faults);
    at = pf_put16(at, board->supply_mv);
    at = pf_put16(at, board->supply_ma);
    at = pf_put16(at, board->inputs);
    at = pf_put32(at, board->event_count > 0 ? board->events[0].number : 0);
    at = pf_put32(at, board->last_event);
    at = pf_put16(at, board->events_lost);
    at = pf_put32(at, board->splitter.frames);
    at = pf_put16(at, board->splitter.damaged);
    at = pf_put16(at, board->repeats);
    at = pf_put16(at, board->overruns);
    at = pf_put8(at, board->description->temperature_count);
    for (i = 0; i < board->description->temperature_count; i++) {
        at = pf_put16(at, (uint16_t)board->temperatures[i]);
    }
    at = put_channels(board, at);
    at = put_pointings(board, at);
    board->report_sequence++;
    send_frame(board, PB_REPORT, board->report_sequence, at);
}

static void report(pb_board *board)
{
    uint32_t since_ms = board->now_ms - board->reported_ms;
    bool changed = board->report_due && (!board->reported || since_ms >= PB_REPORT_GAP_MS);
    bool is_time = board->session != 0 && (!board->reported || since_ms >= PB_REPORT_MS);

    if (changed || is_time) {
        board->report_due = false;
        board->reported = true;
        board->reported_ms = board->now_ms;
        send_report(board);
    }
}

/* --- what others call ------------------------------------------------------------------------ */

void pb_init(pb_board *board, const pb_description *description, const pb_hooks *hooks,
             uint32_t now_ms)
{
    uint8_t i;

    memset(board, 0, sizeof *board);
    board->description = description;
    board->hooks = *hooks;
    board->started_ms = now_ms;
    board->expected = 1;
    board->supply_mv = board->supply_ma = PB_UNKNOWN_MILLI;
    for (i = 0; i < PB_MOST_TEMPERATURES; i++) {
        board->temperatures[i] = PB_UNKNOWN_TEMPERATURE;
    }
    for (i = 0; i < description->channel_count; i++) {
        apply(board, i);
    }
    if (description->cause != PB_CAUSE_POWER) {
        note_event(board, PB_EVENT_BOOT, 0, description->cause, true);
        board->report_due = false; /* told once a host is there */
    }
}

void pb_feed(pb_board *board, uint8_t byte)
{
    uint16_t next = (uint16_t)((board->received_in + 1u) % PB_RECEIVE);

    if (next == board->received_out) {
        if (board->overruns < UINT16_MAX) {
            board->overruns++;
        }
        return;
    }
    board->received[board->received_in] = byte;
    board->received_in = next;
}

/* What has come, up to so many frames: a line that never rests must not keep the dead-man switch
 * and the time limits waiting. The rest is taken at the next poll. */
static void listen(pb_board *board)
{
    uint16_t end = board->received_in;
    uint8_t frames = 0;

    while (board->received_out != end && frames < PB_FRAMES_A_POLL) {
        uint8_t byte = board->received[board->received_out];
        uint8_t i;

        board->received_out = (uint16_t)((board->received_out + 1u) % PB_RECEIVE);
        switch (pf_split(&board->splitter, byte, &board->item)) {
        case PF_FRAME:
            on_frame(board, &board->item.frame);
            frames++;
            break;
        case PF_TEXT:
            for (i = 0; i < board->item.text_count; i++) {
                board->hooks.text(board->hooks.context, board->item.text[i]);
            }
            break;
        default:
            break;
        }
    }
}

void pb_poll(pb_board *board, uint32_t now_ms)
{
    board->now_ms = now_ms - board->started_ms;
    listen(board);
    if (board->session != 0 && !board->silent
        && board->now_ms - board->alive_ms >= PB_DEAD_MAN_MS) {
        trip(board);
    }
    expire(board);
    report(board);
}

void pb_set_input(pb_board *board, uint8_t input, bool pressed)
{
    uint8_t kind;

    if (input >= board->description->input_count || is_pressed(board, input) == pressed) {
        return;
    }
    kind = board->description->inputs[input].kind;
    board->inputs ^= (uint16_t)(1u << input);
    note_event(board, PB_EVENT_INPUT, input, pressed ? 1 : 0,
               kind == PB_INPUT_SOS || kind == PB_INPUT_EMERGENCY_STOP);
    if (kind == PB_INPUT_EMERGENCY_STOP && pressed) {
        drop(board);
    }
}

void pb_set_faults(pb_board *board, uint16_t bits, bool on)
{
    uint16_t before = board->faults, fresh;

    board->faults = (uint16_t)(on ? before | bits : before & ~bits);
    fresh = (uint16_t)(board->faults & ~before);
    if (fresh != 0) {
        note_event(board, PB_EVENT_FAULT, 0, fresh, false);
    }
    if ((fresh & PB_FAULTS_THAT_STOP) != 0) {
        drop(board);
    }
    if (board->faults != before) {
        board->report_due = true;
    }
}

void pb_set_supply(pb_board *board, uint16_t millivolt, uint16_t milliampere)
{
    board->supply_mv = millivolt;
    board->supply_ma = milliampere;
}

void pb_set_temperature(pb_board *board, uint8_t index, int16_t tenths)
{
    if (index < PB_MOST_TEMPERATURES) {
        board->temperatures[index] = tenths;
    }
}

void pb_set_pointing(pb_board *board, uint8_t channel, int32_t pan_mdeg, int32_t tilt_mdeg,
                     bool moving)
{
    if (channel < PB_MOST_CHANNELS) {
        board->channels[channel].pan_mdeg = pan_mdeg;
        board->channels[channel].tilt_mdeg = tilt_mdeg;
        board->channels[channel].moving = moving;
    }
}

void pb_set_channel_fault(pb_board *board, uint8_t channel, bool faulty)
{
    if (channel < PB_MOST_CHANNELS && board->channels[channel].faulty != faulty) {
        board->channels[channel].faulty = faulty;
        board->report_due = true;
    }
}
