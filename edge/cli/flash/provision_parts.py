"""`patrol-edge provision status|csr|certificate|card|renew`."""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict

from config.language import localized, said, tell
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, put, say
from edge.cli.flash.provision_places import (
    desk,
    in_words,
    places_of,
    progress,
    show,
    standing_of,
    tell_result,
)


def show_status(args: argparse.Namespace) -> int:
    places = places_of(args)
    with in_words(args):
        result = standing_of(places)
    if args.json:
        say(json.dumps(asdict(result)))
        return DONE
    words = {
        "provisioned": tell("this computer is a unit"),
        "waits_for_certificate": tell("it waits for its certificate"),
        "not_provisioned": tell("this computer is no unit yet: sudo patrol-edge provision"),
        "other_computer": tell("this is a copy of {unit}'s disk on another computer",
                               unit=result.unit),
    }  # fmt: skip
    say(localized(words[result.state]))
    if result.key_sha256:
        show(result)
    return DONE


def write_request(args: argparse.Namespace) -> int:
    from edge.provisioning.guard import check_start
    from edge.provisioning.standing import not_begun

    places = places_of(args)
    with in_words(args):
        check_start(places)
        if not places.request.exists():
            raise not_begun()
        text = places.request.read_text()
        if args.out is None:
            put(text)
            return DONE
        from edge.provisioning.files import PUBLIC
        from edge.provisioning.files import put as put_file

        put_file(args.out, text.encode(), PUBLIC)
    say(json.dumps({"csr": str(args.out)}) if args.json else str(args.out))
    return DONE


def take_certificate(args: argparse.Namespace) -> int:
    from edge.cli.flash.provision_wishes import Wishes, all_checked, given_of

    places = places_of(args)
    ca = None if args.ca is None else str(args.ca)
    wishes = all_checked(Wishes(certificate=str(args.file), ca=ca))
    told: Callable[[str], None] = (lambda _: None) if args.json else progress
    with in_words(args):
        result = desk(places, told).go_on(given_of(wishes, None, time.sleep))
    return tell_result(args, places, result)


def show_card(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.provisioning.card import Card, as_html, as_svg
    from edge.provisioning.files import PUBLIC
    from edge.provisioning.files import put as put_file
    from edge.provisioning.standing import not_begun

    places = places_of(args)
    with in_words(args):
        result = standing_of(places)
        if not result.key_sha256:
            raise not_begun()
        if args.out is None:
            show(result)
            return DONE
        form = {".svg": as_svg, ".html": as_html}.get(args.out.suffix)
        if form is None:
            told = tell("a card is FILE.svg or FILE.html")
            raise CommandError(told, tell("a browser makes a PDF or a picture of either"), USAGE)
        card = Card.of(result, SystemClock().utc())
        put_file(args.out, form(card).encode(), PUBLIC)
    say(json.dumps({"card": str(args.out)}) if args.json else str(args.out))
    return DONE


def renew(args: argparse.Namespace) -> int:
    """0 as well where it is not due, so that a timer may run it every day."""
    from datetime import timedelta

    from config.certificates import CertificateError, read_certificate
    from config.secrets import SecretFileError
    from drivers.clock import SystemClock
    from edge.provisioning.est_client import EstClient, Server

    places = places_of(args)
    try:
        until = read_certificate(places.certificate).not_after
    except (CertificateError, SecretFileError) as error:
        told = tell("there is no certificate to renew: {why}", why=said(error))
        raise CommandError(told, tell("get a first one: patrol-edge provision")) from error
    left = until - SystemClock().utc()
    if left > timedelta(days=args.within):
        if args.json:
            say(json.dumps({"renewed": False, "until": f"{until:%Y-%m-%d}"}))
        else:
            note(localized(tell("not due: it ends on {day:%Y-%m-%d}", day=until)))
        return DONE
    with in_words(args):
        if not places.authority.exists():
            raise CommandError(tell("there is no {path} to know the server by",
                                    path=str(places.authority)), "", FAILED)  # fmt: skip
        server = Server.at(args.enrol, places.authority.read_bytes(), None)
        told_: Callable[[str], None] = (lambda _: None) if args.json else progress
        result = desk(places, told_).renew(EstClient(server, time.sleep))
    if args.json:
        say(json.dumps({"renewed": True, "until": result.until}))
    return DONE
