/* What the board of the tests is and has: the same as firmware_bridge/simulated/equipment.py says. */
#ifndef EQUIPMENT_H
#define EQUIPMENT_H

#include "patrol_board.h"

#define BIT(pattern) ((uint16_t)(1u << (pattern)))

static const pb_channel CHANNELS[] = {
    {"searchlight", PB_SEARCHLIGHT, PB_HAS_DEAD_MAN, 300000u, BIT(PB_STEADY) | BIT(PB_STROBE)},
    {"beacon", PB_BEACON, 0, 0,
     BIT(PB_STEADY) | BIT(PB_STROBE) | BIT(PB_PATROL) | BIT(PB_PURSUIT)},
    {"siren", PB_SIREN, PB_HAS_DEAD_MAN, 30000u,
     BIT(PB_STEADY) | BIT(PB_WAIL) | BIT(PB_YELP) | BIT(PB_HI_LO)},
    {"record_lamp", PB_RECORD_LAMP, 0, 0, BIT(PB_STEADY)},
    {"relay", PB_RELAY, 0, 0, BIT(PB_STEADY)},
    {"head", PB_PAN_TILT, PB_HAS_DEAD_MAN, 20000u, BIT(PB_STEADY)},
};
static const pb_input INPUTS[] = {
    {"sos", PB_INPUT_SOS},
    {"estop", PB_INPUT_EMERGENCY_STOP},
    {"light_bar", PB_INPUT_LIGHT_BAR},
    {"siren_switch", PB_INPUT_SIREN},
};
static const char *const TEMPERATURES[] = {"board", "searchlight"};
static const pb_description DESCRIPTION = {
    "patrol-io", "SIM-0001", "1.0.0", "1", 2026, 5, 4, 1, PB_CAUSE_POWER,
    CHANNELS, INPUTS, TEMPERATURES, 6, 4, 2};

#endif
