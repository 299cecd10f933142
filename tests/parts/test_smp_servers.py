"""Our side of SMP against boards that others wrote: Zephyr's servers; and our board for others."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from firmware_bridge.management.board import Board, spare
from firmware_bridge.management.errors import BoardRefusedError
from firmware_bridge.management.mcuboot import read_image
from firmware_bridge.management.replies import Parameters
from firmware_bridge.management.smp import SmpLine
from firmware_bridge.runtime.port import open_port
from tests.smp_servers import emulated, native, server_file


@contextmanager
def open_board(port: str) -> Iterator[Board]:
    with closing(Board(SmpLine(open_port(port, 115_200)))) as board:
        yield board


def test_zephyr_on_this_computer_tells_who_it_is(tmp_path: Path) -> None:
    with native(tmp_path) as port, open_board(port) as board:
        assert board.is_there()
        told = board.identity()
        assert told.model == "native_sim"
        assert told.system is not None
        assert "Zephyr" in told.system
        assert board.parameters() == Parameters(384, 4)
        with pytest.raises(BoardRefusedError, match="built without"):
            board.images()
        assert board.setting("light/most") is None


def test_zephyr_with_mcuboot_takes_an_image(tmp_path: Path) -> None:
    data = server_file("mps2_an385_serial_recovery_buf2048.signed.bin").read_bytes()
    image, digest = read_image(data), hashlib.sha256(data).digest()
    with emulated() as port:
        with open_board(port) as board:
            assert spare(board.images()) is None
            at = board.send_part(data, 0, digest).offset
            while at < len(data) // 2:
                at = board.send_part(data, at, digest).offset
        with open_board(port) as board:  # as after a pulled plug: it goes on where it was
            assert board.send_part(data, 0, digest).offset >= at
            while at < len(data):
                at = board.send_part(data, at, digest).offset
            arrived = spare(board.images())
    assert arrived is not None
    assert arrived.hash == image.hash


def test_smpclient_s_own_transport_and_client_understand_our_board(tmp_path: Path) -> None:
    smpclient = pytest.importorskip("smpclient")
    from smpclient.requests import image_management, settings_management
    from smpclient.transport.serial import SMPSerialTransport

    from firmware_bridge.simulated.images import body, image
    from tests.parts.test_simulated_board import simulated

    new = image("1.1.0", body(30_000, seed=3))

    async def talk(port: str) -> None:
        async with smpclient.SMPClient(SMPSerialTransport(), port) as client:
            async for _offset in client.upload(new):
                pass
            told = await client.request(image_management.ImageStatesRead())
            assert [each.version for each in told.images] == ["1.0.0", "1.1.0"]
            marked = await client.request(
                image_management.ImageStatesWrite(hash=read_image(new).hash)
            )
            assert marked.images[1].pending
            wanted = settings_management.WriteSetting(name="light/most", val=b"\x07")
            assert smpclient.success(await client.request(wanted))
            missing = await client.request(settings_management.ReadSetting(name="none"))
            assert smpclient.error(missing)
            assert missing.err.rc == 3

    with simulated(tmp_path) as (link, _control):
        asyncio.run(talk(str(link)))
