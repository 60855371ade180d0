"""What PHP applications may yield, beyond what each adapter promises."""

import json
import struct
import time
import unittest

from driver import (
    ADAPTERS, BROADCAST, CLOSE, DONE, HEADER, INSPECT, IS_GONE, PATIENCE, PING, PONG, REFUSE, SEND, Process, broadcast, frame, message)

PROGRAMS = ADAPTERS / "tests" / "programs"


class Yields(unittest.TestCase):
    def run_yields(self):
        process = Process(["php", "-d", "zend.assertions=1", str(PROGRAMS / "yields.php")])
        process.begin("/chat", "/other")
        process.accept(7)
        return process

    def said_and_done(self, said, *expected):
        """What a message has the application send, in that order, and that it is done then."""
        with self.run_yields() as process:
            event = process.data(7, said)
            for it in expected:
                self.assertEqual(self.next_message(process), it)
            process.expect_done(event)
        self.assertEqual(process.errors.lines, [])

    def next_message(self, process, client=7):
        found, command = process.expect_message(client)
        if command.seq:
            process.result(command)
        return found

    def test_a_method_need_not_be_a_generator(self):
        self.said_and_done("plain")

    def test_a_method_may_return_a_promise(self):
        self.said_and_done("promise")
        with self.run_yields() as process:
            process.expect_done(process.data(7, "broken"), 1)
            process.errors.until(lambda lines: any("a broken promise" in line for line in lines))

    def test_what_is_no_command_and_no_promise_is_given_back(self):
        self.said_and_done("plain-values", '[5,[1,2],"kept"]')

    def test_a_command_that_does_not_exist_is_an_error_where_it_is_yielded(self):
        self.said_and_done("unknown", "There is no command 'sned'.")

    def test_generators_nest_and_return_and_throw(self):
        self.said_and_done("nested", "inner 1", "inner 2", "10 20 failed inside")

    def test_generators_nest_deeply(self):
        self.said_and_done("deep", "bottom")

    def test_promises_that_are_kept_already_do_not_pile_up(self):
        self.said_and_done("many", "100000 promises")

    def test_a_promise_that_another_client_keeps_is_still_bound_to_who_waits(self):
        with self.run_yields() as process:
            process.accept(8)
            first = process.data(7, "defer")
            second = process.data(8, "keep")
            found = {process.receive() for _ in range(2)}
            self.assertEqual({(it.client, message(it.payload)[0]) for it in found}, {(7, "kept"), (8, "done")})
            for it in found:
                process.result(it)
            self.assertEqual({process.expect(DONE).seq for _ in range(2)}, {first, second})

    def test_wait_waits_so_many_milliseconds_unless_nobody_wants_to(self):
        self.said_and_done("wait", "long enough")
        self.said_and_done("wait-nowait", "at once")

    def test_immediately_is_the_next_turn(self):
        with self.run_yields() as process:
            event = process.data(7, "immediately")
            self.assertEqual(self.next_message(process), "first")
            process.expect_done(event)
            self.assertEqual(self.next_message(process), "second")

    def test_once_is_once_in_the_order_of_time_and_what_is_cancelled_is_never(self):
        with self.run_yields() as process:
            process.expect_done(process.data(7, "once"))
            self.assertEqual([self.next_message(process) for _ in range(2)], ["after 10", "after 20"])
            process.expect_nothing()

    def test_repeat_is_again_and_again_until_it_is_disabled_and_from_when_it_is_enabled(self):
        with self.run_yields() as process:
            process.expect_done(process.data(7, "repeat"))
            ticks = [self.next_message(process) for _ in range(4)]
            self.assertEqual(ticks, ["tick 1", "tick 2", "tick 3", "disabled"])
            process.expect_nothing()
            process.expect_done(process.data(7, "again"))
            self.assertEqual(self.next_message(process), "tick 4")

    def test_a_watcher_ends_with_its_client(self):
        with self.run_yields() as process:
            process.expect_done(process.data(7, "repeat"))
            self.next_message(process)
            event = process.closed(7)
            while (found := process.receive()).type == SEND:
                process.result(found, IS_GONE)
            self.assertEqual((found.type, found.seq), (DONE, event))
            # What onClose has begun is not ended by it.
            process.output.until(lambda lines: lines == ["gone: Aerys\\ClientGoneException"])
            process.expect_nothing()

    def test_it_is_not_even_called_when_its_client_has_gone(self):
        with self.run_yields() as process:
            process.accept(8)
            process.expect_done(process.data(7, "ticking"))
            process.output.until(lambda lines: lines)
            process.expect_done(process.closed(7))
            process.expect_done(process.data(8, "mark"))
        self.assertNotIn("tick", process.output.lines[process.output.lines.index("mark"):])

    def test_a_callback_is_not_called_again_while_its_generator_runs(self):
        with self.run_yields() as process:
            process.expect_done(process.data(7, "one_by_one"))
            self.assertEqual([self.next_message(process) for _ in range(3)], ["a", "b", "c"])

    def test_streams_are_watched_for_reading_and_for_writing(self):
        with self.run_yields() as process:
            process.expect_done(process.data(7, "streams"))
            self.assertEqual([self.next_message(process) for _ in range(2)], ["read hello", "closed"])

    def test_a_stream_that_is_closed_under_its_watcher_does_no_harm(self):
        self.said_and_done("closed_stream", "still here")

    def test_a_callback_that_fails_closes_its_client_and_is_logged(self):
        for said in ("callback_fails", "nowait_fails"):
            with self.run_yields() as process:
                process.expect_done(process.data(7, said))
                self.assertEqual(process.expect(CLOSE, 7).payload, struct.pack(">H", 1011))
                process.errors.until(lambda lines: any("RuntimeException" in line for line in lines))

    def test_nowait_does_not_wait_for_a_generator(self):
        with self.run_yields() as process:
            event = process.data(7, "nowait")
            self.assertEqual(self.next_message(process), "first")
            process.expect_done(event)
            self.assertEqual(self.next_message(process), "second")

    def test_all_answers_all_values_or_the_first_error_at_once(self):
        self.said_and_done("all", '{"a":1,"b":2,"c":3,"d":4}', "one failed", "[]")

    def test_any_keeps_errors_and_values_apart(self):
        self.said_and_done("any", '[{"a":"failed inside"},{"b":2}]', "[[],[]]")

    def test_some_fails_only_if_all_have_or_there_were_none(self):
        self.said_and_done("some", '1 {"1":2}', "2 failed", "0 failed")

    def test_commands_within_combinators_are_bound_to_the_same_client(self):
        self.said_and_done("sends_in_all", "inner 1", "inner 2", "both")

    def test_a_status_outside_on_open_is_an_error(self):
        with self.run_yields() as process:
            event = process.data(7, "status")
            self.assertIn("onOpen", self.next_message(process))
            process.expect_done(event)

    def test_all_forms_of_a_close(self):
        with self.run_yields() as process:
            process.data(7, "close_forms")
            for client, code, reason in ((8, 1000, b""), (9, 1000, b""), (10, 1000, b""), (11, 4000, b""), (12, 4001, b"why")):
                self.assertEqual(process.expect(CLOSE, client).payload, struct.pack(">H", code) + reason)
            self.assertIn("number", self.next_message(process))

    def test_all_forms_of_a_broadcast(self):
        with self.run_yields() as process:
            process.data(7, "broadcast_forms")
            for said, only, excluded in (("a", None, None), ("b", None, None), ("c", [8, 9], None), ("d", None, [9]),
                                         ("e", [8], [9]), ("f", [8], None), (b"\xff", None, None)):
                found = broadcast(process.expect(BROADCAST, 0).payload)
                self.assertEqual((found.message, found.only, found.except_), (said, only, excluded))
            found = process.expect(BROADCAST, 0)
            self.assertEqual((found.endpoint, broadcast(found.payload).message), (2, "g"))

    def test_what_would_break_the_protocol_is_the_applications_error(self):
        self.said_and_done("not_utf8", "8 errors")

    def test_a_server_that_reads_nothing_is_not_owed_without_end(self):
        with self.run_yields() as process:
            process.data(7, "flood")
            # When the kernel takes no more, and the process holds what it may, it does nothing.
            idle, used, deadline = 0, -1, time.monotonic() + PATIENCE
            while idle < 5 and time.monotonic() < deadline:
                time.sleep(0.1)
                before, used = used, process.cpu_time()
                idle = idle + 1 if used == before and process.waiting_bytes() > 0 else 0
            # Ten megabytes a millisecond would be what it says, and sixteen are what it may owe.
            self.assertLess(process.memory(), 150 * 1024 * 1024)
            # It reads all the same.
            process.send(*(frame(PING, seq=n) for n in range(1000)))
            seen = 0
            while seen < 1000:
                found = process.receive()
                seen += found.type == PONG


class Openings(unittest.TestCase):
    def opened(self, query, **request):
        process = Process(["php", str(PROGRAMS / "openings.php")])
        process.begin("/rooms/{room}")
        return process, process.open(7, query=query, **request)

    def test_a_reason_without_a_status_is_discarded(self):
        process, event = self.opened("reason-alone")
        with process:
            process.expect_done(event)

    def test_only_a_status_that_refuses_is_taken(self):
        process, event = self.opened("too-low")
        with process:
            self.assertIn("400 to 599", process.answer_message(7))
            process.expect_done(event)

    def test_what_is_said_after_a_status_has_the_refusal_leave_first(self):
        process, event = self.opened("status-then-send")
        with process:
            self.assertEqual(process.expect(REFUSE, 7).payload, struct.pack(">H", 403))
            self.assertEqual(process.expect(BROADCAST).client, 0)
            process.expect_done(event)
            process.output.until(lambda lines: lines == ["refused"])

    def test_headers_are_one_line_with_a_name_and_none_of_the_servers_own(self):
        process, event = self.opened("bad-headers")
        with process:
            self.assertEqual(process.expect_message(7)[0], "5 refused")
            process.expect_done(event)

    def test_headers_may_be_given_by_name_and_come_before_a_close(self):
        process, event = self.opened("names")
        with process:
            self.assertEqual(process.expect(HEADER, 7).payload, b"X-One: 1")
            process.expect(CLOSE, 7)
            process.expect_done(event)

    def test_the_request_has_the_names_of_cgi(self):
        headers = [["host", "mysite.com"], ["origin", "https://mysite.com"], ["cookie", "a=1"], ["cookie", "b=2"],
                   ["sec-websocket-protocol", "a"], ["sec-websocket-protocol", "b"]]
        process, event = self.opened("environment", headers=headers, scheme="https", param={"room": "tea"})
        with process:
            _, found = process.expect_message(7)
            request = json.loads(found.payload[1:])
            for name, value in {
                    "REQUEST_METHOD": "GET", "REQUEST_URI": "/chat?room=7", "REQUEST_URI_PATH": "/chat",
                    "QUERY_STRING": "environment", "SERVER_PROTOCOL": "1.1", "SERVER_NAME": "mysite.com", "SERVER_PORT": 80,
                    "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": 51234, "HTTPS": "on", "HTTP_ORIGIN": "https://mysite.com",
                    "HTTP_COOKIE": "a=1; b=2", "HTTP_SEC_WEBSOCKET_PROTOCOL": "a, b", "PATH_PARAMS": {"room": "tea"},
                    "ENDPOINT_PATH": "/rooms/{room}"}.items():
                self.assertEqual(request[name], value, name)
            process.expect_done(event)

    def test_nothing_is_answered_while_on_open_waits(self):
        process, event = self.opened("wait")
        with process:
            process.expect_nothing()
            process.expect_done(event)

    def test_a_look_at_another_client_answers_nothing(self):
        process, event = self.opened("inspect")
        with process:
            process.expect(INSPECT, 99)
            process.expect(REFUSE, 7)
            process.expect_done(event)


if __name__ == "__main__":
    unittest.main()
