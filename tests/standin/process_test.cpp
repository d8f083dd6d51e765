// How the process starts, what it says, and how it ends.
#include "captures.hpp"
#include "engine.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

int exit_status(Engine& engine) {
    const int status = engine.wait_exit();
    INFO(engine.out() << engine.err());
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

Engine::Start with_arguments(std::vector<std::string> arguments) {
    Engine::Start start;
    start.arguments = std::move(arguments);
    return start;
}

} // namespace

TEST_CASE("the ready line names host and port, and the log says it too") {
    Engine engine;
    engine.wait_ready();
    const std::string place = "host 127.0.0.1 port " + std::to_string(engine.port());
    engine.wait_for_output("INFO:\nREST server started on " + place + "\nVisit http://127.0.0.1:" +
                           std::to_string(engine.port()) + "/cmdline.html for CLI interface\n");
    CHECK(engine.out().find("INFO:\nExecuting: remotecontrol rest start port ") != std::string::npos);
}

TEST_CASE("the stand-in says what it is in its first line, its version and the note of version") {
    if (Engine::is_real())
        return;
    Engine engine;
    engine.wait_ready();
    CHECK(engine.out().find("stand-in") < engine.out().find('\n'));
    CHECK(engine.run("version").find("not UCSF ChimeraX") != std::string::npos);
    CHECK(engine.run("version").find("standin") != std::string::npos);
}

TEST_CASE("--version prints a line that can be parsed, and ends with 0") {
    Engine engine(with_arguments({"--nogui", "--version"}));
    CHECK(exit_status(engine) == 0);
    CHECK(engine.out().starts_with("INFO:\nUCSF ChimeraX version: 1."));
}

TEST_CASE("the end of stdin ends it with 0, at once") {
    Engine engine;
    engine.wait_ready();
    engine.get("/cmdline.html");
    const auto before = std::chrono::steady_clock::now();
    engine.close_stdin();
    CHECK(exit_status(engine) == 0);
    // 0.3 s where nothing else runs.
    CHECK(std::chrono::steady_clock::now() - before < 3s);
    CHECK(engine.out().ends_with("EOF\n"));
}

TEST_CASE("with /dev/null as stdin it ends with 0 at once") {
    Engine::Start start = Engine::usual("json true");
    start.input = Engine::Stdin::null;
    Engine engine(start);
    CHECK(exit_status(engine) == 0);
}

TEST_CASE("exit over REST gives an empty answer, then SIGABRT with Python's last words") {
    Engine engine;
    engine.wait_ready();
    CHECK(engine.get("/run?command=exit").empty());
    const int status = engine.wait_exit();
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    CHECK(engine.out().find("STATUS:\nExiting ...\n") != std::string::npos);
    CHECK(engine.err().find("Fatal Python error: _enter_buffered_busy: could not acquire lock for "
                            "<_io.BufferedReader name='<stdin>'> at interpreter shutdown, possibly due to "
                            "daemon threads\nPython runtime state: finalizing (tstate=0x") !=
          std::string::npos);
}

TEST_CASE("lines on stdin are commands") {
    Engine engine;
    engine.wait_ready();
    engine.write_stdin("pwd\n");
    engine.wait_for_output("INFO:\nCurrent working directory is: " + engine.folder() + "\n");
    engine.write_stdin("nonsense here\n");
    engine.wait_for_output("ERROR:\nUnknown command: nonsense here\n");
    engine.write_stdin("exit\n");
    CHECK(exit_status(engine) == 0);
}

TEST_CASE("a wrong option, and --help, end with 64") {
    for (const char* option : {"--bogus", "--help", "-x"}) {
        INFO(option);
        Engine engine(with_arguments({"--nogui", option}));
        CHECK(exit_status(engine) == 64);
    }
}

TEST_CASE("a start-up command that fails ends the start with 70") {
    for (const char* command : {"nonsense", "open /nonexistent.pdb", "remotecontrol rest start bogus true"}) {
        INFO(command);
        Engine engine(with_arguments({"--nogui", "--cmd", command}));
        CHECK(exit_status(engine) == 70);
    }
}

TEST_CASE("a HOME that is missing, or not writable, ends the start with 1") {
    Engine::Start start = Engine::usual("json true");
    start.home = "/nonexistent-home";
    Engine missing(start);
    CHECK(exit_status(missing) == 1);
    start.home = "/proc";
    Engine unwritable(start);
    CHECK(exit_status(unwritable) == 1);
}

TEST_CASE("uid 0 ends the start with 1, whatever HOME says") {
    if (::geteuid() != 0)
        return;
    Engine::Start start = Engine::usual("json true");
    start.as_root = true;
    Engine engine(start);
    CHECK(exit_status(engine) == 1);
}

TEST_CASE("it fills HOME with its folders, and says on the first start alone that there is no cache") {
    Engine engine;
    engine.wait_ready();
    for (const char* folder : {".config", ".cache", ".local/share", "Downloads/ChimeraX"})
        CHECK(std::filesystem::is_directory(engine.folder() + "/home/" + folder));
    CHECK(engine.out().find("available bundle cache has not been initialized yet") != std::string::npos);
    Engine::Start again = Engine::usual("json true");
    again.home = engine.folder() + "/home";
    Engine second(again);
    second.wait_ready();
    CHECK(second.out().find("available bundle cache") == std::string::npos);
}

TEST_CASE("a port that is taken gives a traceback, and the process runs on without REST") {
    Engine first;
    first.wait_ready();
    Engine::Start start = Engine::usual("json true");
    start.arguments.back() = "remotecontrol rest start port " + std::to_string(first.port()) + " json true";
    Engine second(start);
    second.wait_for_error_output("OSError: [Errno 98] Address already in use");
    CHECK(second.err().find("Traceback (most recent call last):\n") != std::string::npos);
    second.wait_for_output("cmd> ");
    CHECK(second.is_running());
    CHECK(second.out().find("REST server started") == std::string::npos);
    second.close_stdin();
    CHECK(exit_status(second) == 0);
}

TEST_CASE("it listens on what the name localhost means, and fails where it means nothing") {
    if (::geteuid() != 0)
        return; // /etc/hosts of its own needs a mount namespace
    const auto start_with = [](const std::string& hosts) {
        Engine::Start start = Engine::usual("json true");
        start.before_exec = [hosts] {
            std::string folder = "/tmp/hosts-XXXXXX";
            if (::unshare(CLONE_NEWNS) != 0 ||
                ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                ::mount("none", "/mnt", "tmpfs", 0, nullptr) != 0)
                ::_exit(125);
            std::ofstream("/mnt/hosts") << hosts;
            std::ofstream("/mnt/nsswitch.conf") << "hosts: files\n";
            for (const std::string name : {"hosts", "nsswitch.conf"})
                if (::mount(("/mnt/" + name).c_str(), ("/etc/" + name).c_str(), nullptr, MS_BIND, nullptr) !=
                    0)
                    ::_exit(125);
        };
        return start;
    };
    Engine other(start_with("127.0.0.2 localhost\n"));
    other.wait_ready();
    CHECK(other.host() == "127.0.0.2");
    CHECK(other.get("/cmdline.html").starts_with("HTTP/1.0 200 OK\r\n"));
    Engine none(start_with("127.0.0.1 somebody\n"));
    none.wait_for_error_output("socket.gaierror: [Errno -");
    CHECK(none.is_running());
}

TEST_CASE("SIGTERM and SIGHUP kill it, SIGPIPE does not") {
    for (const int signal : {SIGTERM, SIGHUP}) {
        Engine engine;
        engine.wait_ready();
        engine.send_signal(SIGPIPE);
        CHECK(engine.get("/cmdline.html").starts_with("HTTP/1.0 200 OK\r\n"));
        engine.send_signal(signal);
        const int status = engine.wait_exit();
        REQUIRE(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == signal);
    }
}

TEST_CASE("a fatal signal writes a traceback first") {
    Engine engine;
    engine.wait_ready();
    engine.send_signal(SIGSEGV);
    const int status = engine.wait_exit();
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGSEGV);
    CHECK(engine.err().find("Fatal Python error: Segmentation fault\n") != std::string::npos);
}

TEST_CASE("the stand-in starts late, large, or wrong when the environment says so") {
    if (Engine::is_real())
        return;
    Engine::Start start = Engine::usual("json true");
    start.environment = {{"CHIMERAX_STANDIN_START_DELAY", "300ms"}, {"CHIMERAX_STANDIN_RESIDENT", "64M"}};
    const auto before = std::chrono::steady_clock::now();
    Engine late(start);
    late.wait_ready();
    CHECK(std::chrono::steady_clock::now() - before >= 300ms);
    const std::string status = late.value("sim status");
    const std::size_t resident = status.find("\"VmRSS\": \"") + 10;
    CHECK(std::stoul(status.substr(resident)) > 64 * 1024);

    start.environment = {{"CHIMERAX_STANDIN_FAIL", "crash"}};
    Engine crash(start);
    CHECK(WTERMSIG(crash.wait_exit()) == SIGSEGV);
    start.environment = {{"CHIMERAX_STANDIN_FAIL", "bind"}};
    Engine bind(start);
    bind.wait_for_error_output("Address already in use");
    start.environment = {{"CHIMERAX_STANDIN_FAIL", "noport"}};
    Engine noport(start);
    noport.wait_for_output("cmd> ");
    CHECK(noport.is_running());
    CHECK(noport.err().empty());
    start.environment = {{"CHIMERAX_STANDIN_FAIL", "typo"}};
    Engine typo(start);
    CHECK(exit_status(typo) == 1);
}
