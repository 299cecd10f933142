"""The rules of the contract, one testable sentence each, with what proves it.

`docs/contract/rules.md` is written from here. A rule is proved by a check of the conformance kit
(`telemetry/conformance/`), by the tests that it names, or by both; a test of ours fails when one
has neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["MUST", "SHOULD"]
Party = Literal["unit", "hub", "broker"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`text` goes on after `A unit MUST`, or whoever and however strictly it binds."""

    id: str
    party: Party
    level: Level
    text: str
    tests: tuple[str, ...] = ()  # names of test functions

    def __str__(self) -> str:
        who = {"unit": "A unit", "hub": "A hub", "broker": "The broker"}[self.party]
        return f"{who} {self.level} {self.text}."


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    rules: tuple[Rule, ...]


def _unit(number: int, text: str, *tests: str) -> Rule:
    return Rule(f"HC-{number:03}", "unit", "MUST", text, tests)


def _unit_should(number: int, text: str, *tests: str) -> Rule:
    return Rule(f"HC-{number:03}", "unit", "SHOULD", text, tests)


def _hub(number: int, text: str, *tests: str) -> Rule:
    return Rule(f"HC-{number:03}", "hub", "MUST", text, tests)


def _hub_should(number: int, text: str, *tests: str) -> Rule:
    return Rule(f"HC-{number:03}", "hub", "SHOULD", text, tests)


def _broker(number: int, text: str, *tests: str) -> Rule:
    return Rule(f"HC-{number:03}", "broker", "MUST", text, tests)


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        "Envelope and data",
        (
            _unit(
                1,
                "send status, state, position, health, event and reply as CloudEvents 1.0 in "
                "structured mode, as schemas/envelope.json has it",
                "test_a_sealed_message_has_all_attributes_of_cloudevents_and_ours",
            ),
            _unit(2, "send `data` that fits the schema of its `type`", "test_nonsense_is_refused"),
            _unit(3, "name itself in `source`: `/units/{unit}`, with the unit of the topic"),
            _unit(4, "send each type on the topic that the contract gives it"),
            _unit(5, "set the MQTT 5 content type `application/cloudevents+json`"),
            _unit(6, "name the schema of `data` in `dataschema`"),
            _unit(
                7,
                "give each message a UUIDv7 as `id` that no other message has",
                "test_uuid7_follows_rfc_9562",
            ),
            _unit(
                8,
                "write `time` and `senttime` as RFC 3339 in UTC with milliseconds",
                "test_times_are_cut_to_milliseconds_in_utc",
            ),
            _unit(9, "send no message with an envelope that is larger than 256 KiB"),
            _unit_should(10, "leave out what it does not know rather than send null"),
            _unit(
                11,
                "send nothing that says who a person is or what he is like (face, identity, "
                "ethnicity, gender, age, emotion, gait)",
            ),
            _unit_should(
                12,
                "use the priority of the type: 0 calls for help and the steps of tasks, 1 other "
                "events and replies, 2 state, 3 positions and progress, 4 health",
            ),
        ),
    ),
    Chapter(
        "Topics",
        (
            _unit(
                13,
                "publish below `{root}/{unit}/` only, to the topics of the contract",
                "test_a_unit_cannot_speak_as_another_or_as_the_hub",
            ),
            _unit(14, "have status, state and health retained"),
            _unit(15, "have no event, position, reply or picture retained"),
            _unit(
                16,
                "never replace a retained state or health by an older one",
                "test_only_the_newest_state_is_retained",
            ),
            _unit(17, "publish with QoS 1"),
            _unit(
                18,
                "send pictures as JPEG of at most 256 KiB under the id of their episode, or of the "
                "command that asked, with what they are as MQTT 5 user properties",
                "test_a_picture_arrives_whole_and_is_checked_and_kept",
            ),
            _unit(19, "name the version of the contract in status: `1.x` on a root of version 1"),
        ),
    ),
    Chapter(
        "Numbers",
        (
            _unit(20, "number all messages but status (and pictures) in `sequence`"),
            _unit(
                21,
                "count `sequence` by one for each stored message, without gaps but for what "
                "health counts under `outbox.` in `drops`",
                "test_sequences_have_no_gap_over_restarts_and_empty_tables",
            ),
            _unit(22, "keep the `id` of a message over all repeats"),
            _unit(
                23,
                "use a number for one message only, unless it lost its disk",
                "test_numbering_goes_on_when_the_file_is_gone",
            ),
            _unit(24, "repeat a message unchanged but for `historical` and `senttime`"),
        ),
    ),
    Chapter(
        "What pictures show",
        (
            _unit(
                25,
                "send no picture with faces or plates to be seen, but for one that was asked for "
                "under `media.unlock`, and say `redacted` of each",
                "test_no_unredacted_picture_leaves_while_its_camera_is_locked",
            ),
        ),
    ),
    Chapter(
        "Delivery and acknowledgement",
        (
            _unit(
                30,
                "send a message that was not acknowledged again, first within 60 s",
                "test_with_ack_hub_only_the_hub_ends_it_and_patience_grows",
            ),
            _unit(31, "not send again what was acknowledged by id"),
            _unit(32, "not send again what was acknowledged up to a sequence"),
            _unit(33, "take an acknowledgement that comes after a repeat"),
            _unit(
                34,
                "ignore an acknowledgement that is invalid, or of ids it does not know",
                "test_garbage_from_above_is_counted_and_survived",
            ),
            _unit(35, "ignore a retained acknowledgement"),
            _unit(
                36,
                "send what is unacknowledged again within 5 s of a new session in hub/state",
                "test_a_new_hub_session_brings_everything_again_at_once",
            ),
            _unit(37, "ignore fields that it does not know in what hubs say"),
            _unit(
                38,
                "keep a message on its disk until the hub has it, over restarts and power cuts",
                "test_nothing_leaves_the_disk_before_the_hub_has_it",
                "test_kill_9_with_a_flapping_link",
            ),
            _unit(
                39,
                "send live messages before the backlog, each by priority",
                "test_live_first_then_the_backlog_each_by_priority",
            ),
        ),
    ),
    Chapter(
        "Connection, birth and will",
        (
            _unit(
                40,
                "say `online` before anything else on a new connection",
                "test_birth_then_state_then_everything_else",
            ),
            _unit(
                41,
                "send its state after `online`, and before all else of priority 2 and on",
                "test_birth_then_state_then_everything_else",
            ),
            _unit(42, "count `session` up with each connection of one boot"),
            _unit(
                43,
                "leave a Last Will: `offline`, retained, of the boot and session of its connection",
                "test_a_killed_unit_is_declared_offline_by_its_will",
            ),
            _unit(44, "be back within 30 s of a connection that broke, where the broker is there"),
            _unit(45, "subscribe on each connection, whatever session the broker has kept"),
            _unit(46, "send live messages with the `bootid` of its newest status"),
            _unit(47, "say `stopping` when it is stopped, and disconnect so that no will follows"),
            _unit(
                48,
                "call `historical` what it could not send when it was made",
                "test_after_a_lost_connection_the_unacknowledged_go_first_and_are_historical",
            ),
            _unit(
                49,
                "speak MQTT 3.1.1 where the broker knows no MQTT 5, with the same bytes",
                "test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1",
            ),
        ),
    ),
    Chapter(
        "State and health",
        (
            _unit(50, "send its state within 5 s of a new session in hub/state"),
            _unit(51, "send the whole state each time: kind, capabilities, mode, duty, commander"),
            _unit(
                52,
                "list all active faults in each health report, each once, with the time it began",
                "test_since_is_when_a_fault_came_and_the_worst_comes_first",
            ),
            _unit_should(53, "send health at least every 60 s"),
            _unit(
                54,
                "name a code, what is wrong and what to do in each fault",
                "test_every_code_has_a_paragraph_and_every_paragraph_a_code",
            ),
        ),
    ),
    Chapter(
        "Episodes",
        (
            _unit(
                60,
                "begin an episode with `new`",
                "test_an_episode_keeps_its_id_from_new_to_end_and_carries_the_pose",
            ),
            _unit(61, "send one `new` and at most one `end` of an episode, and nothing after it"),
            _unit(62, "keep what an episode is about (label, camera, track, cause, beginning)"),
            _unit(63, "send the last minute of track, oldest point first, with a call for help"),
            _unit(
                64,
                "say why an episode ended, and where there is no pose, why",
                "test_an_end_has_a_reason_and_nothing_else_has",
                "test_a_pose_or_why_there_is_none",
            ),
            _unit(65, "mark what a rule saw as `pending`: it waits for a human"),
            _unit(
                66,
                "give an alert its place with its error, or say why there is none",
                "test_an_alert_has_a_place_or_says_why_there_is_none",
            ),
            _unit(
                67,
                "map an alert's severity to colour and AlarmPriority, its rule to AlarmType",
                "test_every_kind_of_rule_has_its_codes",
            ),
            _unit(
                68,
                "give a detection's place with its error, or why there is none, never both; a "
                "motion only where there is a place",
                "test_a_place_or_why_there_is_none_never_both",
                "test_a_placed_detection_reaches_the_wire_with_its_error_and_motion",
            ),
            _unit(
                69,
                "mark a crowd whose people hide one another as `saturated`: one level worse, with "
                "the wish for a view from above",
                "test_a_crowd_that_hides_itself_is_saturated_and_one_level_worse",
                "test_a_saturated_crowd_wants_a_view_from_above_and_nobody_else_does",
            ),
        ),
    ),
    Chapter(
        "Tasks",
        (
            _unit(
                70,
                "take only the steps of a task that the README draws",
                "test_the_contract_tells_hubs_the_same_machine",
            ),
            _unit(71, "name in `previous` the state that the step before it led to"),
            _unit(72, "date each step: T0 received, T1 acknowledged, T3 arrived, T4 cleared"),
            _unit(73, "keep T0 and T1 once they are told"),
            _unit(74, "name the step and its deadline in `reminder` and `overdue`"),
            _unit(75, "answer task.assign by the event `assigned`, task.cancel by `cancelled`"),
        ),
    ),
    Chapter(
        "Commands",
        (
            _unit(80, "answer each command of a known key within 5 s"),
            _unit(81, "answer in order: received, accepted or rejected, running, one final reply"),
            _unit(82, "repeat id and name of the command in each reply"),
            _unit(83, "refuse what it cannot do with `unsupported`, within 200 ms"),
            _unit(84, "refuse a command whose `expires_at` has passed with `expired`"),
            _unit(85, "refuse a retained command with `retained`"),
            _unit(86, "refuse a command for another unit with `wrong_unit`"),
            _unit(87, "refuse arguments that do not fit with `invalid_arguments`"),
            _unit(88, "refuse a signature that does not fit with `bad_signature`"),
            _unit(89, "refuse a key that it does not know with `unknown_key`"),
            _unit(90, "refuse a command that was issued too long ago with `too_old`"),
            _unit(91, "refuse a command from the future with `not_yet_valid`"),
            _unit(92, "refuse a command without a signature with `unsigned`, but on the bench"),
            _unit(93, "survive anything on its command topic"),
            _unit(95, "answer a repeated command from memory, with `repeat`"),
            _unit(96, "send state and health again on `rebirth`"),
            _unit(97, "not do a repeated command again"),
            _unit(98, "never let the progress of a command fall"),
            _unit(
                99,
                "list in its capabilities the commands that it takes, and no others",
                "test_what_nothing_here_can_do_is_refused_at_once_and_not_offered",
                "test_without_a_voice_or_clips_hubs_are_not_offered_speech_or_clips",
            ),
            _unit(100, "never obey a forged command"),
            _unit(
                101,
                "refuse a key that was revoked or has run out with `key_revoked`, `key_expired`",
                "test_a_key_that_is_over_is_over",
            ),
            _unit(
                102,
                "refuse what the key's role may not do with `role_not_allowed`",
                "test_a_role_without_the_right_is_refused",
            ),
            _unit(
                103,
                "refuse hubs that are not its primary one, and all hubs while it is commanded on "
                "the spot, with `not_commander`",
                "test_only_the_primary_hub_commands",
                "test_whoever_is_on_the_spot_keeps_the_hub_out",
            ),
            _unit(
                104,
                "refuse more commands per minute than the contract names with `limit`",
                "test_too_often_is_refused_and_later_it_goes_on",
            ),
            _unit(
                105,
                "refuse commands with `clock_unset` while it does not know the time",
                "test_without_a_clock_nothing_is_done",
            ),
            _unit(
                106,
                "do nothing that it cannot first write down, and answer `storage`",
                "test_where_nothing_can_be_stored_nothing_is_done",
            ),
            _unit(
                107,
                "refuse an id that was used for another command, or that it has forgotten, with "
                "`replayed`",
                "test_an_id_cannot_be_used_for_another_command",
                "test_after_a_day_it_is_forgotten_and_still_not_done_again",
            ),
            _unit(
                108,
                "remember commands and answers for 24 h, over restarts and power cuts",
                "test_a_repeat_gets_the_same_answer_and_nothing_is_done_again",
                "test_what_was_begun_when_the_power_went_is_told_and_never_done_twice",
            ),
            _unit(
                109,
                "not let a clock that is set make an old command fresh, or extend one",
                "test_a_clock_set_back_makes_nothing_fresh",
                "test_a_clock_that_is_set_back_does_not_extend_what_waits",
            ),
            _unit(
                110,
                "tell the progress of what takes long, and stop it on `cancel`",
                "test_a_long_one_tells_its_progress_at_a_bearable_rate",
                "test_a_quick_one_does_not_wait_for_a_long_one_and_can_cancel_it",
            ),
            _unit(
                111,
                "answer floods of forgeries a little, and count them whole",
                "test_a_flood_of_forgeries_is_answered_little_and_counted_whole",
            ),
        ),
    ),
    Chapter(
        "Hubs",
        (
            _hub(
                120,
                "keep a message on its own disk before it acknowledges it",
                "test_a_record_that_cannot_be_written_ends_the_hub_and_acknowledges_nothing",
            ),
            _hub(
                121,
                "drop repeats by unit and sequence, and acknowledge them again",
                "test_a_retry_is_a_duplicate_and_is_acknowledged_again",
            ),
            _hub(
                122,
                "keep both of two messages with one sequence and different ids: the unit lost its "
                "disk",
                "test_a_unit_that_lost_its_numbering_is_not_taken_for_a_repeater",
            ),
            _hub(
                123,
                "ignore an `offline` that is not of the boot and session of the last `online`",
                "test_the_late_will_of_a_replaced_session_is_ignored",
            ),
            _hub(
                124,
                "not acknowledge what is invalid, nor status messages",
                "test_what_is_wrong_is_said_and_not_acknowledged",
            ),
            _hub(
                125,
                "announce each of its connections in hub/state with a new `session`, retained, and "
                "leave `offline` there as its Last Will",
                "test_a_hub_that_reconnects_announces_a_new_session",
            ),
            _hub(
                126,
                "ignore fields, and keep messages, that it does not know",
                "test_a_message_of_a_later_version_is_kept_and_acknowledged",
                "test_a_reader_ignores_fields_it_does_not_know",
            ),
            _hub_should(
                127,
                "order by `time`, not by arrival",
                "test_the_backlog_does_not_move_the_unit_back",
            ),
            _hub(
                128,
                "survive any bytes on the units' topics",
                "test_the_hub_survives_any_bytes",
                "test_garbage_is_shown_with_its_reason",
            ),
            _hub(
                129,
                "name at most 1000 ids in one acknowledgement",
                "test_an_ack_says_ids_or_a_sequence_that_fits",
            ),
            _hub(
                130,
                "send `up_to` only where it has everything from the unit's first message on",
                "test_everything_from_the_first_message_on_is_known_to_be_here_or_not",
                "test_it_can_acknowledge_by_sequence",
            ),
            _hub(
                131,
                "take what lay retained at the broker for old: no arrival, nothing to acknowledge",
                "test_what_lay_at_the_broker_is_shown_and_makes_no_gap",
            ),
            _hub(
                132,
                "know over its own restart which messages it has",
                "test_a_hub_knows_from_its_record_or_state_what_it_has",
                "test_a_strangers_subscriber_hears_keeps_and_acknowledges",
            ),
            _hub(
                133,
                "sign its commands as the README shows",
                "test_the_signed_example_is_made_by_openssl_alone",
                "test_a_strangers_signature_is_understood",
            ),
            _hub(
                134,
                "read the messages of the version before",
                "test_messages_of_the_version_before_are_still_read",
            ),
            _hub(
                135,
                "drop a message whose `id` it has under another sequence, and acknowledge it: the "
                "unit told it once more after a crash",
                "test_what_is_told_once_more_after_a_crash_is_a_repeat",
            ),
            _hub(
                136,
                "ignore an empty message: what was retained there was cleared, or a unit asks its "
                "broker whether it may write",
                "test_an_empty_message_says_nothing",
            ),
        ),
    ),
    Chapter(
        "Plates and searches",
        (
            _unit(
                141,
                "name a plate by its entry in a list alone, and keep it in no file, record or log",
                "test_a_plate_on_no_list_is_nowhere",
                "test_no_plate_of_the_list_is_on_the_disk",
            ),
            _unit(
                142,
                "let a hit wait for a human, `pending` until `plates.review`, and do nothing on it",
                "test_a_hit_waits_and_nothing_follows_from_it",
            ),
            _unit(
                143,
                "stop looking for a plate within 10 s of its revocation, and end its open hits",
                "test_a_revoked_entry_ends_its_hits_and_is_not_found_again",
            ),
            _unit(
                144,
                "delete a list, and all of a search, when its time is over",
                "test_a_list_that_has_ended_is_gone_from_the_disk",
                "test_nothing_of_a_search_that_is_over_is_on_the_disk",
            ),
            _unit(
                145,
                "judge candidates by the attributes of the contract alone, and never by a face",
                "test_nothing_looks_at_faces",
                "test_all_that_is_judged_is_an_attribute_of_the_contract",
            ),
            _hub(
                146,
                "give each `plates.list` a higher version than the one before, and its own `blind`",
                "test_an_old_version_is_refused",
            ),
        ),
    ),
    Chapter(
        "Broker",
        (
            _broker(
                150,
                "let a unit publish only below its own name, and hear only its own commands",
                "test_a_unit_cannot_speak_as_another_or_as_the_hub",
                "test_a_unit_cannot_hear_another",
            ),
            _broker(
                151,
                "keep retained messages, and publish wills",
                "test_a_killed_unit_is_declared_offline_by_its_will",
            ),
        ),
    ),
    Chapter(
        "What the unit says and shines",
        (
            _unit(
                155,
                "switch off what a hub has switched on, within 5 s after it last heard the hub; "
                "and switch nothing on while hub/state says `offline`",
                "test_what_the_hub_holds_is_off_five_seconds_after_it_was_heard_last",
                "test_without_a_hub_that_is_online_nothing_is_switched_on",
            ),
            _unit(
                156,
                "have a siren or a loudspeaker on for at most 30 s at a time and three times in "
                "ten minutes, over restarts, too",
                "test_a_siren_made_again_is_off_after_its_thirty_seconds_all_the_same",
                "test_three_times_in_ten_minutes_also_over_restarts_and_clocks_that_jump",
            ),
            _unit(
                157,
                "in stealth switch off all that shines or sounds, refuse it with `interlock`, and "
                "bring nothing back by itself",
                "test_stealth_reaches_all_that_shines_or_sounds_whoever_asks",
                "test_in_stealth_all_goes_off_is_refused_and_does_not_come_back",
            ),
            _unit(
                158,
                "tell each change of an actuator in its state, as the device itself says it is",
                "test_the_hub_switches_and_the_state_says_so",
            ),
            _unit(
                159,
                "name in a refusal the rule that forbids it, and what lifts it",
                "test_each_rule_is_used_and_says_what_lifts_it",
            ),
            _hub_should(
                160,
                "repeat what switches a light, a beacon or a relay on before its time is over",
                "test_a_claim_lasts_while_it_is_made_again",
            ),
            _unit(
                161,
                "say in its state until when each wish of an operator lasts: 300 s ahead at most, "
                "30 s for a siren or a voice",
                "test_the_hub_switches_and_the_state_says_so",
            ),
        ),
    ),
    Chapter(
        "The unit's body, and where it goes",
        (
            _unit(
                162,
                "tell within 5 s of each module that is lost, and of its return, in turns",
                "test_lost_once_and_back_once",
            ),
            _unit(
                163,
                "tell of a mission by its id: started, each item, paused, done, lost",
                "test_a_mission_is_handed_over_started_followed_and_told",
            ),
            _unit(
                164,
                "stop what `move.drive` moves when `max_on_s` is over or the link is lost, and "
                "tell it as `dead_man`",
                "test_driving_goes_on_while_it_is_said_again_and_stops_a_second_later",
                "test_the_loss_of_the_link_stops_at_once",
            ),
            _unit(
                165,
                "not start motors that are off for any command, but refuse with `interlock`",
                "test_nobody_arms_from_afar",
            ),
            _unit(
                166,
                "keep `move.stop` over restarts until it is released on the spot, and have `estop` "
                "in its state meanwhile",
                "test_a_stop_stays_on_over_a_restart_until_it_is_released_on_the_spot",
            ),
            _unit(
                167,
                "not have another carrier move because the first that could is away",
                "test_another_carrier_does_not_move_because_the_first_is_away",
                "test_a_carrier_that_is_away_is_named",
            ),
            _unit(
                168,
                "refuse firmware that is not signed or not for its board, and wait with the rest "
                "until it is idle",
                "test_what_must_not_be_flashed_ends_in_a_code",
                "test_an_active_unit_is_waited_for",
            ),
        ),
    ),
    Chapter(
        "What is flashed",
        (
            _unit(
                169,
                "answer `config.apply` with one last reply when the trial has ended, whatever "
                "restarts and power cuts lie between",
                "test_an_order_that_goes_on_is_answered_once_when_it_has_ended",
                "test_it_goes_on_over_restarts_and_crashes",
            ),
            _unit(
                170,
                "tell each flash as an event when it goes on trial, stays, goes back or is refused",
                "test_each_flash_is_told_when_it_begins_and_when_it_ends",
                "test_what_a_crash_left_untold_is_told_again_under_the_same_id",
                "test_refusals_are_told_once_wherever_they_were_made",
            ),
            _unit(
                171,
                "say in its state what is in use of each lane, what is on trial, and the highest "
                "serial that was ever in use",
                "test_the_state_tells_what_is_in_use_and_on_trial",
            ),
            _unit(
                172,
                "take no bundle that is not signed by enough of its keys, not for it, or not above "
                "the highest serial, and say why in `code`",
                "test_the_next_one_goes_into_the_other_slot_and_the_serial_only_goes_up",
                "test_a_refusal_has_its_cure_and_exit_code_1",
            ),
            _hub_should(
                173,
                "give several units a bundle one after the other, and stop at the first that fails",
                "test_the_canary_comes_first_and_its_failure_stops_the_rest",
            ),
        ),
    ),
)


def rules() -> Iterator[Rule]:
    for chapter in CHAPTERS:
        yield from chapter.rules


BY_ID: dict[str, Rule] = {rule.id: rule for rule in rules()}


def markdown(checked: frozenset[str]) -> str:
    """`rules.md`. `checked`: the rules that the conformance kit judges."""
    lines = [
        "# Rules of the contract",
        "",
        "Written by `make docs` from `telemetry/contract/rules.py`. Each rule is one sentence that "
        "can be tested.",
        "*kit*: `patrol-edge conformance` judges it on any unit, live or from a record. Names are "
        "those of tests in `tests/`.",
    ]
    for chapter in CHAPTERS:
        lines += ["", f"## {chapter.title}", "", "| rule | | proved by |", "|---|---|---|"]
        for rule in chapter.rules:
            proofs = ["kit"] * (rule.id in checked) + [f"`{name}`" for name in rule.tests]
            lines.append(f"| {rule.id} | {rule} | {', '.join(proofs)} |")
    return "\n".join(lines) + "\n"
