"""What every adapter promises, whatever its language. Each has a program that does what its clients ask for."""

import json
import os
import struct
import subprocess
import threading

from driver import (
    ACCEPT, ADAPTERS, BROADCAST, CLIENTS, CLOSE, DATA, DONE, GROUP, HAS_KEY, HEADER, HELLO, INSPECT, IS_GONE, IS_REFUSED,
    IS_SUPERSEDED, JOIN, LEAVE, MAX_FRAME, PING, PONG, REFUSE, RESULT, SEND, STOP, Process, broadcast, frame, message)


class Promises:
    """A class of tests inherits it, and says by which `interpreter` and with which `suffix` programs are run."""

    interpreter, suffix = [], ""

    def run_program(self, name, **more):
        return Process([*self.interpreter, str(ADAPTERS / "tests" / "programs" / f"{name}.{self.suffix}")], **more)

    def commands(self):
        process = self.run_program("commands")
        process.hello = process.begin()
        return process

    # Its life.

    def test_it_says_hello_first_and_is_ready_when_it_has_started(self):
        with self.run_program("commands") as process:
            hello = process.begin()
            self.assertEqual((hello["version"], hello["config"]), (1, None))
            self.assertRegex(hello["adapter"], r"^\w+ \d")
            self.assertEqual(process.output.until(lambda lines: lines), ["started"])

    def test_it_ends_when_the_stream_does(self):
        process = self.commands()
        with process:
            process.send(frame(STOP))
        self.assertEqual(process.process.returncode, 0)
        self.assertEqual(process.output.lines, ["started", "stopped"])
        self.assertEqual(process.errors.lines, [])

    def test_it_ends_silently_when_the_stream_does_before_it_has_started(self):
        with self.run_program("commands") as process:
            process.expect(HELLO)
        self.assertEqual((process.process.returncode, process.errors.lines), (0, []))

    def test_who_starts_it_alone_is_told_in_one_sentence_how_it_is_started(self):
        program = ADAPTERS / "tests" / "programs" / f"commands.{self.suffix}"
        environment = {name: value for name, value in os.environ.items() if name != "AERYS_PROTOCOL"}
        alone = subprocess.run(
            [*self.interpreter, str(program)], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
        self.assertEqual((alone.returncode, alone.stdout), (2, ""))
        self.assertEqual(len(alone.stderr.splitlines()), 1)
        self.assertIn("aerys run", alone.stderr)

    def test_a_server_that_speaks_another_version_is_told_of_in_one_sentence(self):
        with self.run_program("commands") as process:
            with self.assertRaises((EOFError, ConnectionError)):
                process.begin(version=2)
        self.assertEqual(process.process.returncode, 2)
        self.assertEqual(len(process.errors.lines), 1)
        self.assertIn("version 2", process.errors.text())

    def test_what_it_starts_does_not_take_itself_for_started_by_the_server(self):
        with self.commands() as process:
            process.accept(7)
            process.data(7, "environment")
            self.assertEqual(process.answer_message(7), "false")

    def test_pings_are_answered_also_while_a_handler_waits(self):
        with self.commands() as process:
            process.accept(7)
            process.data(7, "echo a")
            process.expect(SEND)
            process.send(frame(PING, seq=99))
            self.assertEqual(process.expect(PONG).seq, 99)

    # The handshake.

    def test_nothing_is_said_before_the_handshake_but_done_if_there_is_nothing_to_say(self):
        with self.commands() as process:
            process.expect_done(process.open(7))
            process.expect_nothing()

    def test_headers_come_before_what_is_said_first(self):
        with self.commands() as process:
            event = process.open(7, query="greet")
            self.assertEqual(process.expect(HEADER, 7).payload, b"X-One: 1")
            self.assertEqual(process.expect(HEADER, 7).payload, b"X-Two: 2")
            self.assertEqual(process.answer_message(7), "hi")
            process.expect_done(event)

    def test_a_refusal_has_its_status_its_reason_and_its_headers(self):
        with self.commands() as process:
            event = process.open(7, query="refuse")
            self.assertEqual(process.expect(HEADER, 7).payload, b"X-One: 1")
            self.assertEqual(process.expect(REFUSE, 7).payload, struct.pack(">H", 401) + b"Who are you?")
            process.expect_done(event)
            process.expect_nothing()

    def test_an_error_in_on_open_fails_and_its_trace_is_on_standard_error(self):
        with self.commands() as process:
            process.expect_done(process.open(7, query="fail"), 1)
            process.errors.until(lambda lines: any("no luck" in line for line in lines))

    def test_an_error_in_on_open_after_something_was_said_fails_too(self):
        with self.commands() as process:
            event = process.open(7, query="fail-late")
            process.answer_message(7)
            process.expect_done(event, 1)
            process.expect_done(process.closed(7, 1011))

    def test_a_subprotocol_is_chosen_by_what_accepts_the_client(self):
        with self.commands() as process:
            event = process.open(7, query="subprotocol", subprotocols=["chat"])
            self.assertEqual(process.expect(ACCEPT, 7).payload, b"chat")
            process.expect_done(event)

    def test_who_comes_hears_what_its_on_open_broadcasts(self):
        with self.commands() as process:
            event = process.open(7, query="broadcast")
            found = process.receive()
            if found.type == ACCEPT:
                found = process.receive()
            else:
                self.assertEqual(found.client, 7)
            self.assertEqual((found.type, broadcast(found.payload).message), (BROADCAST, "all hear it"))
            process.result(found, value={"delivered": 1, "gone": 0, "superseded": 0})
            found = process.expect(BROADCAST, 0)
            self.assertEqual((found.seq, broadcast(found.payload).message), (0, "and this"))
            process.expect_done(event)

    def test_a_header_that_comes_too_late_is_the_applications_error(self):
        with self.commands() as process:
            event = process.open(7, query="late-header")
            self.assertEqual(process.answer_message(7), "hi")
            self.assertEqual(process.answer_message(7), "too late")
            process.expect_done(event)

    # Commands.

    def test_a_send_is_waited_for(self):
        with self.commands() as process:
            process.accept(7)
            event = process.data(7, "echo hello")
            said, command = process.expect_message(7)
            self.assertEqual(said, "hello")
            process.expect_nothing()
            process.result(command)
            process.expect_done(event)

    def test_binary_stays_binary_and_text_stays_text(self):
        with self.commands() as process:
            process.accept(7)
            for said in (b"\xff\xfe\0", "grüße 😀"):
                event = process.data(7, said)
                self.assertEqual(process.answer_message(7), said)
                process.expect_done(event)

    def test_nowait_waits_for_nothing_and_keeps_the_order(self):
        with self.commands() as process:
            process.accept(7)
            event = process.data(7, "nowait")
            for said in ("one", "two"):
                found = process.expect(SEND, 7)
                self.assertEqual((message(found.payload)[0], found.seq), (said, 0))
            found = process.expect(CLOSE, 7)
            self.assertEqual((found.payload, found.seq), (struct.pack(">H", 4000), 0))
            process.expect_done(event)

    def test_a_client_that_has_gone_is_told_of_where_the_send_stands(self):
        with self.commands() as process:
            process.accept(7)
            event = process.data(7, "try")
            process.answer_message(7)
            _, command = process.expect_message(7)
            process.result(command, IS_GONE)
            process.expect_done(event)
            process.output.until(lambda lines: lines[1:] == ["sent", "gone"])

    def test_nobody_has_to_catch_that(self):
        with self.commands() as process:
            process.accept(7)
            event = process.data(7, "uncaught")
            _, command = process.expect_message(7)
            process.result(command, IS_GONE)
            process.expect_done(event, 0)
        self.assertEqual((process.output.lines, process.errors.lines), (["started", "stopped"], []))

    def test_any_other_error_fails_and_its_trace_is_on_standard_error(self):
        with self.commands() as process:
            process.accept(7)
            process.expect_done(process.data(7, "fail"), 1)
            trace = process.errors.until(lambda lines: any(f"commands.{self.suffix}" in line for line in lines))
            self.assertIn("no luck", "\n".join(trace))
            # The others' handlers go on.
            process.accept(8)
            process.data(8, "echo a")
            self.assertEqual(process.answer_message(8), "a")

    def test_a_broadcast_is_narrowed_and_tells_who_heard_it(self):
        with self.commands() as process:
            process.accept(7)
            event = process.data(7, "broadcast [8,9] [9]")
            found = process.expect(BROADCAST, 0)
            self.assertEqual(broadcast(found.payload), ("news", "g", "k", [8, 9], [9], True))
            tally = {"delivered": 1, "gone": 0, "superseded": 0}
            process.result(found, value=tally)
            self.assertEqual(json.loads(process.answer_message(7)), tally)
            process.expect_done(event)

    def test_a_close_is_over_when_on_close_has_run(self):
        with self.commands() as process:
            event = process.open(7, query="close")
            process.answer_message(7)
            found = process.expect(CLOSE, 7)
            self.assertEqual(found.payload, struct.pack(">H", 4001) + b"bye")
            process.expect_done(process.closed(7, 4001, "bye"))
            process.result(found)
            process.expect_done(event)
            process.output.until(lambda lines: lines[1:] == ["before", "closed 7 4001 bye", "after"])

    def test_another_is_closed_by_its_id_and_one_that_had_gone_before_is_no_error(self):
        with self.commands() as process:
            process.accept(7)
            event = process.data(7, "close 8 4002 bye")
            found = process.expect(CLOSE, 8)
            self.assertEqual(found.payload, struct.pack(">H", 4002) + b"bye")
            process.result(found, IS_GONE)
            self.assertEqual(process.answer_message(7), "it is closed")
            process.expect_done(event)

    def test_what_on_close_says_to_its_client_does_not_even_reach_the_server(self):
        with self.commands() as process:
            process.accept(7)
            process.expect_done(process.closed(7, 1001, "away"))
            process.output.until(lambda lines: lines[1:] == ["closed 7 1001 away"])
        self.assertNotIn("not reached", process.output.text())

    def test_that_someone_has_gone_of_whom_nothing_is_known_is_nothing(self):
        with self.commands() as process:
            process.expect_done(process.open(7, query="fail"), 1)
            for client in (7, 8):
                process.expect_done(process.closed(client))
        self.assertNotIn("closed", process.output.text())

    def test_figures_are_what_the_server_has(self):
        with self.commands() as process:
            process.accept(7)
            process.data(7, "inspect")
            process.result(process.expect(INSPECT, 7), value={"bytes_read": 4711})
            self.assertEqual(process.answer_message(7), "4711")

    def test_groups_are_joined_and_left_and_have_members(self):
        with self.commands() as process:
            process.accept(7)
            process.data(7, "groups")
            for type, client, name in ((JOIN, 7, b"tea"), (LEAVE, 7, b"milk")):
                found = process.expect(type, client)
                self.assertEqual(found.payload, name)
                process.result(found)
            found = process.expect(GROUP, 0)
            self.assertEqual(found.payload, b"tea")
            process.result(found, value={"clients": [7]})
            process.result(process.expect(CLIENTS, 0), value={"clients": [7, 2**53 - 1]})
            self.assertEqual(process.answer_message(7), f"7, 7 {2**53 - 1}")

    def test_what_the_server_refuses_says_why(self):
        with self.commands() as process:
            process.accept(7)
            process.data(7, "refused")
            process.result(process.expect(JOIN, 7), IS_REFUSED, "the group is full")
            self.assertEqual(process.answer_message(7), "the group is full")

    def test_a_later_message_may_take_the_place_of_an_earlier_one(self):
        with self.commands() as process:
            process.accept(7)
            for outcome, told in ((0, "sent"), (IS_SUPERSEDED, "superseded")):
                event = process.data(7, "key")
                found = process.expect(SEND, 7)
                self.assertTrue(found.payload[0] & HAS_KEY)
                self.assertEqual(message(found.payload), ("price", "k"))
                process.result(found, outcome)
                self.assertEqual(process.answer_message(7), told)
                process.expect_done(event)

    def test_what_comes_later_goes_to_whom_it_belongs_to(self):
        with self.commands() as process:
            for client in (7, 8):
                process.accept(client)
            process.expect_done(process.data(8, "later"))
            event = process.data(7, "echo a")
            said = {process.receive() for _ in range(2)}
            self.assertEqual({(it.client, message(it.payload)[0]) for it in said}, {(7, "a"), (8, "later")})
            for it in said:
                process.result(it)
            process.expect_done(event)

    # Ids, order, sizes.

    def test_ids_are_as_large_as_they_may_be(self):
        with self.commands() as process:
            client = 2**53 - 1
            process.accept(client)
            process.data(client, "echo a")
            self.assertEqual(process.answer_message(client), "a")

    def test_handlers_of_many_clients_run_side_by_side(self):
        with self.commands() as process:
            clients = range(1, 101)
            for client in clients:
                process.accept(client)
            events = {client: process.next_event() for client in clients}
            process.send(*(frame(DATA, 1, client, events[client], b"\1echo " + str(client).encode())
                           for client in clients))
            waiting = [process.expect(SEND) for _ in clients]
            self.assertEqual([message(it.payload)[0] for it in waiting], [str(client) for client in clients])
            for command in reversed(waiting):
                process.result(command)
            done = [process.expect(DONE) for _ in clients]
            self.assertEqual({it.client: it.seq for it in done}, events)

    def test_closed_comes_while_a_handler_waits(self):
        with self.commands() as process:
            process.accept(7)
            event = process.data(7, "try")
            _, command = process.expect_message(7)
            process.expect_done(process.closed(7, 1006))
            process.result(command, IS_GONE)
            process.expect_done(event)

    def test_frames_may_be_cut_anywhere(self):
        with self.commands() as process:
            process.accept(7)
            for byte in process.data_frame(7, "echo grüße"):
                process.send(bytes([byte]))
            self.assertEqual(process.answer_message(7), "grüße")
            process.expect_done(process.event)
            # Each cut, with whole frames before and behind it.
            for cut in range(1, 60):
                first, second = process.data_frame(7, "echo one"), frame(PING, seq=cut)
                both = first + second + frame(PING, seq=1000 + cut)
                process.send(both[:cut])
                process.send(both[cut:])
                found = [process.receive() for _ in range(3)]
                self.assertEqual(sorted(it.seq for it in found if it.type == PONG), [cut, 1000 + cut])
                (command,) = (it for it in found if it.type == SEND)
                process.result(command)
                process.expect_done(process.event)

    def test_large_messages_pass_both_ways(self):
        with self.commands() as process:
            process.accept(7)
            large = os.urandom(MAX_FRAME - 20)
            threading.Thread(target=process.data, args=(7, large)).start()
            found = process.expect(SEND, 7)
            self.assertEqual(found.payload, b"\0" + large)
            process.result(found)
            process.expect(DONE)

    def test_a_message_that_no_frame_holds_is_the_applications_error(self):
        with self.commands() as process:
            process.accept(7)
            process.expect_done(process.data(7, f"large {MAX_FRAME - 19}"), 1)
            process.errors.until(lambda lines: any(str(MAX_FRAME - 19) in line for line in lines))

    def test_a_server_that_does_not_read_is_read_from_all_the_same(self):
        with self.commands() as process:
            clients, size = range(1, 65), 256 * 1024
            for client in clients:
                process.accept(client)
            before = process.memory()
            said = {client: bytes([client + 128]) * size for client in clients}
            # It returns when the process has taken it all, to whom nobody has listened meanwhile.
            for client in clients:
                process.data(client, said[client])
            found = [process.expect(SEND) for _ in clients]
            self.assertEqual({it.client: it.payload[1:] for it in found}, said)
            # What was sent is there twice or three times at most, as what came and as what goes.
            self.assertLess(process.memory() - before, 4 * len(clients) * size)
            for command in found:
                process.result(command)
            self.assertEqual({process.expect(DONE).client for _ in clients}, set(clients))

    def test_small_and_large_messages_keep_their_order(self):
        with self.commands() as process:
            process.accept(7)
            sizes = [1, 15000, 17000, 1, 70000, 3, *[5000] * 20, *[15000] * 5, 300000, 2]
            for _ in range(20):
                event = process.data(7, "mixed " + " ".join(map(str, sizes)))
                for size in sizes:
                    self.assertEqual(process.expect_message(7)[0], "x" * size)
                process.expect_done(event)

    def test_what_gathers_is_one_write(self):
        with self.commands() as process:
            clients = range(1, 65)
            for client in clients:
                process.accept(client)
            frames = [process.data_frame(client, "echo " + "x" * 20) for client in clients]
            process.send(b"".join(frames))
            first = process.socket.recv(1 << 20)
            self.assertEqual(len(first), len(clients) * (19 + 1 + 20))


__all__ = ["Promises"]
