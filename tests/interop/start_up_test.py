"""A grpcd that cannot start prints one line with the error and the remedy, and exits with 1, or with 2 for wrong usage. The
programs also report it if they cannot print their output."""

import os
import resource
import signal
import socket
import subprocess
import tempfile
import unittest

import harness
from servers import free_port


class StartUp(unittest.TestCase):
    def refused(self, status, *flags, descriptors=None, environment=None):
        """The one line that grpcd prints before it exits with `status`."""

        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        done = harness.run(
            [os.environ["GRPCD"], *flags],
            timeout=harness.START_SECONDS,
            preexec_fn=limit,
            env={**os.environ, **(environment or {})},
        )
        self.assertEqual(done.returncode, status, done.stdout)
        # Without io_uring, an earlier record says so.
        lines = [line for line in done.stdout.splitlines() if " info using epoll; " not in line]
        self.assertEqual(len(lines), 1, done.stdout)
        return lines[0]

    def assertSays(self, line, *words):
        for word in words:
            self.assertIn(word, line)

    def test_a_taken_port(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:{}".format(taken.getsockname()[1])
            self.assertSays(self.refused(1, "--listen", address), address, "in use", "--listen")

    def test_an_address_that_is_given_twice(self):
        address = f"127.0.0.1:{free_port()}"
        line = self.refused(2, "--listen", address, "--listen", address)
        self.assertEqual(line, f"grpcd: listen on {address}: this address is given twice")
        with tempfile.TemporaryDirectory() as folder:
            path = f"unix:{folder}/grpcd.sock"
            self.assertSays(self.refused(2, "--listen", path, "--listen", path), path, "given twice")

    def test_an_address_that_another_includes(self):
        port = free_port()
        pairs = [("0.0.0.0", "127.0.0.1")]
        if socket.has_dualstack_ipv6():
            pairs += [("[::]", "0.0.0.0"), ("[::]", "127.0.0.1"), ("[::]", "[::1]")]
        for wide, narrow in ((f"{wide}:{port}", f"{narrow}:{port}") for wide, narrow in pairs):
            with self.subTest(wide=wide, narrow=narrow):
                line = self.refused(2, "--listen", narrow, "--listen", wide)
                self.assertEqual(line, f"grpcd: listen on {wide}: it includes {narrow}, given too; leave one out")
                line = self.refused(2, "--listen", wide, "--listen", narrow)
                self.assertEqual(line, f"grpcd: listen on {narrow}: {wide}, given too, includes it; leave one out")

    def test_a_port_for_root(self):
        if os.geteuid() == 0:
            self.skipTest("root may bind every port")
        self.assertSays(self.refused(1, "--listen", "127.0.0.1:1"), "127.0.0.1:1", "ermission", "CAP_NET_BIND_SERVICE")

    def test_an_address_of_another_machine(self):
        self.assertSays(self.refused(1, "--listen", "192.0.2.1:50051"), "192.0.2.1:50051", "address")

    def test_a_socket_that_a_live_server_listens_on(self):
        with tempfile.TemporaryDirectory() as folder:
            address = f"unix:{folder}/grpcd.sock"
            with harness.Server(listen=(address,)):
                self.assertSays(self.refused(1, "--listen", address), address, "in use", "--listen")

    def test_a_socket_in_a_folder_that_does_not_exist(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/absent/grpcd.sock"
            self.assertSays(self.refused(1, "--listen", "unix:" + path), path)

    def test_an_invalid_address(self):
        for address in ("127.0.0.1", "127.0.0.1:port", "127.0.0.1:65536", "unix:"):
            with self.subTest(address):
                self.assertSays(self.refused(2, "--listen", address), f'--listen: address "{address}"')
        self.assertSays(self.refused(2, "--listen", ""), "--listen", "empty")

    def test_an_unknown_flag(self):
        self.assertSays(self.refused(2, "--lisen", "127.0.0.1:0"), "--lisen")

    def test_a_value_out_of_range(self):
        self.assertSays(self.refused(2, "--shards", "1025"), "--shards", "1025", "1024")
        self.assertSays(self.refused(2, environment={"WORKER_THREADS": "many"}), "WORKER_THREADS", "many")

    def test_a_configuration_file_that_is_absent_or_wrong(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/absent.toml"
            self.assertSays(self.refused(1, "--config", path), path, "No such file")
        self.assertSays(self.refused(2, "--config", ""), "--config: the path is empty")
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write("shards = 1\nshard = 2\n")
            file.flush()
            self.assertSays(self.refused(1, "--config", file.name), f"{file.name}:2", "shard")

    def test_too_few_descriptors(self):
        line = self.refused(1, "--listen", "127.0.0.1:0", descriptors=40)
        self.assertSays(line, "40", "descriptors", "ulimit -n")

    def test_few_descriptors_are_a_warning(self):
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft[0], 256), soft[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, soft)
        with harness.Server("--max-connections", str(soft[1] + 1)) as server:
            pass
        self.assertIn("ulimit -n", server.text())


class Help(unittest.TestCase):
    def test_help_and_version_exit_with_0(self):
        done = harness.run([os.environ["GRPCD"], "--help"])
        self.assertEqual(done.returncode, 0)
        self.assertIn("--listen", done.stdout)
        done = harness.run([os.environ["GRPCD"], "--version"])
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^grpcd \d+\.\d+\.\d+\n$")

    def test_help_that_is_read_only_in_part_is_no_error(self):
        for program in ("GRPCD", "GRPCBENCH", "GRPCCLIENT"):
            for ignored in ("", "trap '' PIPE;"):
                with self.subTest(program=program, ignored=ignored):
                    reader, writer = os.pipe()
                    os.close(reader)
                    command = ["sh", "-c", f'{ignored} exec "$0" --help', os.environ[program]]
                    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True,
                                          timeout=harness.RUN_SECONDS)
                    os.close(writer)
                    self.assertEqual(done.stderr, "")
                    self.assertIn(done.returncode, (0, -signal.SIGPIPE))

    def test_output_that_cannot_be_printed_is_an_error(self):
        outputs = {">/dev/full": "no space left on device", ">&-": "bad file descriptor"}
        for program, status in (("GRPCD", 1), ("GRPCBENCH", 1), ("GRPCCLIENT", 74)):
            for flag in ("--help", "--version"):
                for output, cause in outputs.items():
                    with self.subTest(program=program, flag=flag, output=output):
                        command = ["sh", "-c", f'exec "$0" "$@" {output}', os.environ[program], flag]
                        done = harness.run(command, stderr=subprocess.PIPE)
                        self.assertEqual((done.returncode, done.stderr), (status, f"{program.lower()}: stdout: {cause}\n"))


@unittest.skipUnless("WITHOUT_IO_URING" in os.environ, "it is for where io_uring is hidden")
class WithoutIoUring(unittest.TestCase):
    def test_an_explicit_io_uring_that_is_not_available_is_the_only_error(self):
        for program, words in (
            ("GRPCD", ("--listen", "127.0.0.1:0")),
            ("GRPCBENCH", ("--server", "127.0.0.1:1")),
            ("GRPCCLIENT", ("list", "127.0.0.1:1")),
        ):
            with self.subTest(program):
                done = harness.run([os.environ[program], *words, "--io", "uring"])
                self.assertNotEqual(done.returncode, 0)
                self.assertRegex(done.stdout, rf"^{program.lower()}: io_uring: .*\n$")


class Life(unittest.TestCase):
    def test_it_prints_its_addresses_and_exits_with_0(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/grpcd.sock"
            with harness.Server(listen=("127.0.0.1:0", "unix:" + path)) as server:
                self.assertRegex(server.addresses[0], r"^127\.0\.0\.1:[1-9]\d*$")
                self.assertEqual(server.addresses[1], "unix:" + path)
                for family, address in ((socket.AF_INET, ("127.0.0.1", server.port)), (socket.AF_UNIX, path)):
                    with socket.socket(family) as client:
                        client.connect(address)
            self.assertFalse(os.path.exists(path), "the socket's file is left behind")

    def test_it_replaces_the_socket_of_one_that_ended_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/grpcd.sock"
            ended = harness.Server(listen=("unix:" + path,))
            ended.start()
            ended.kill()
            self.assertTrue(os.path.exists(path), "this test needs a socket that is left behind")
            with harness.Server(listen=("unix:" + path,)):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(path)
            self.assertFalse(os.path.exists(path), "the socket's file is left behind")

    def test_it_takes_the_port_of_one_that_ended_at_once(self):
        ended = harness.Server(listen=(f"127.0.0.1:{free_port()}",))
        ended.start()
        address = ended.address
        ended.kill()
        with harness.Server(listen=(address,)):
            pass


if __name__ == "__main__":
    harness.main()
