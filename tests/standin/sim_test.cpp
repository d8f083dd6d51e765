// The stand-in's own `sim` commands: each must do what other tests build on.
#include "engine.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// A running stand-in, or nothing where a real ChimeraX is tested, which has no `sim`.
std::unique_ptr<Engine> standin() {
    if (Engine::is_real())
        return nullptr;
    auto engine = std::make_unique<Engine>();
    engine->wait_ready();
    return engine;
}

json sim(Engine& engine, const std::string& command) {
    return json::parse(engine.value("sim " + command));
}

int children_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
    int count = 0;
    for (pid_t child = 0; file >> child;)
        ++count;
    return count;
}

bool exists(pid_t pid) {
    return ::kill(pid, 0) == 0;
}

double cpu_seconds_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i)
        fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

} // namespace

TEST_CASE("sim memory takes what it says, of every kind") {
    auto engine = standin();
    if (!engine)
        return;
    for (const char* kind : {"anon", "memfd", "shm", "pipe", "socket"}) {
        INFO(kind);
        const json value = sim(*engine, std::string("memory 16M ") + kind);
        // Pipes and sockets are limited for users without privileges.
        if (value.at("error").is_null())
            CHECK(value.at("bytes") >= 16 << 20);
        else
            CHECK((value.at("bytes") > 0 && std::string(kind) != "anon"));
    }
    CHECK(sim(*engine, "recall").at("bytes") == 32 << 20); // anon and memfd, as they were filled
    const std::string status = engine->value("sim status");
    CHECK(std::stoul(status.substr(status.find("\"RssAnon\": \"") + 12)) > 16 * 1024);
}

TEST_CASE("sim burn uses CPU in the background, REST answers meanwhile") {
    auto engine = standin();
    if (!engine)
        return;
    CHECK(sim(*engine, "burn 2 0.4s").at("threads") == 2);
    CHECK(engine->get("/cmdline.html").starts_with("HTTP/1.0 200 OK"));
    const double before = cpu_seconds_of(engine->pid());
    CHECK(sim(*engine, "burn 1 0.3s wait").at("threads") == 1);
    CHECK(cpu_seconds_of(engine->pid()) - before > 0.02);
}

TEST_CASE("sim fork and sim threads make as many as they say") {
    auto engine = standin();
    if (!engine)
        return;
    CHECK(sim(*engine, "fork 3").at("children") == 3);
    CHECK(children_of(engine->pid()) == 3);
    CHECK(sim(*engine, "threads 5").at("threads") == 5);
    CHECK(std::stoi(json::parse(engine->value("sim status")).at("Threads").get<std::string>()) == 8);
    std::ifstream file("/proc/" + std::to_string(engine->pid()) + "/task/" + std::to_string(engine->pid()) +
                       "/children");
    for (pid_t child = 0; file >> child;)
        ::kill(child, SIGKILL);
}

TEST_CASE("sim disk and sim inodes fill, and tell why they stopped") {
    auto engine = standin();
    if (!engine)
        return;
    CHECK(sim(*engine, "disk big 3M") == json{{"bytes", 3 << 20}, {"error", nullptr}});
    CHECK(std::filesystem::file_size(engine->folder() + "/big") == 3 << 20);
    CHECK(sim(*engine, "inodes home 20") == json{{"files", 20}, {"error", nullptr}});
    CHECK(sim(*engine, "disk /dev/full 1M") == json{{"bytes", 0}, {"error", "ENOSPC"}});
    CHECK(sim(*engine, "inodes /proc 1").at("error") != nullptr);
}

TEST_CASE("sim sleep is a busy command: all other requests wait, then are served") {
    auto engine = standin();
    if (!engine)
        return;
    std::thread busy([&] { engine->run("sim print begun ; sim sleep 2s"); });
    engine->wait_for_output("begun\n");
    CHECK(engine->exchange("GET /cmdline.html HTTP/1.0\r\n\r\n", 200ms) == "<<timed out>>");
    CHECK(engine->get("/cmdline.html").starts_with("HTTP/1.0 200 OK"));
    busy.join();
}

TEST_CASE("sim hang never answers, and the end of stdin does not end it") {
    auto engine = standin();
    if (!engine)
        return;
    CHECK(engine->exchange("GET /run?command=sim%20hang HTTP/1.0\r\n\r\n", 300ms) == "<<timed out>>");
    engine->close_stdin();
    CHECK_THROWS(engine->wait_exit(500ms));
    engine->send_signal(SIGTERM);
    CHECK(WIFSIGNALED(engine->wait_exit()));
}

TEST_CASE("sim crash dies of the signal, sim exit of the status") {
    for (const auto& [name, signal] : std::initializer_list<std::pair<const char*, int>>{
             {"SEGV", SIGSEGV}, {"SIGKILL", SIGKILL}, {"6", SIGABRT}}) {
        auto engine = standin();
        if (!engine)
            return;
        CHECK(engine->run(std::string("sim crash ") + name).empty());
        CHECK(WTERMSIG(engine->wait_exit()) == signal);
    }
    auto engine = standin();
    CHECK(engine->run("sim exit 7").empty());
    CHECK(WEXITSTATUS(engine->wait_exit()) == 7);
}

TEST_CASE(
    "sim raise is an error under json true and death under json false, sim unserializable always death") {
    auto engine = standin();
    if (!engine)
        return;
    const json reply = json::parse(engine->run("sim raise boom"));
    CHECK(reply.at("error") == json{{"type", "RuntimeError"}, {"message", "boom"}});
    CHECK(engine->run("sim unserializable").empty());
    CHECK(WTERMSIG(engine->wait_exit()) == SIGABRT);
    Engine plain("json false");
    plain.wait_ready();
    CHECK(plain.get("/run?command=sim%20raise%20boom").empty());
    CHECK(WTERMSIG(plain.wait_exit()) == SIGABRT);
}

TEST_CASE("sim flood writes so many bytes, in lines or in one") {
    auto engine = standin();
    if (!engine)
        return;
    CHECK(sim(*engine, "flood stderr 1M longline").at("bytes") == 1 << 20);
    CHECK(engine->err() == std::string(1 << 20, 'x'));
    const std::size_t before = engine->out().size();
    CHECK(sim(*engine, "flood stdout 1M").at("bytes") == 1 << 20);
    CHECK(engine->out().size() - before == 1 << 20);
    CHECK(engine->out().find(std::string(80, 'x')) == std::string::npos);
}

TEST_CASE("sim ignore-eof outlives the end of stdin, sim ignore-term SIGTERM") {
    auto engine = standin();
    if (!engine)
        return;
    engine->run("sim ignore-eof");
    engine->run("sim ignore-term");
    engine->close_stdin();
    engine->wait_for_output("EOF\n");
    engine->send_signal(SIGTERM);
    CHECK_THROWS(engine->wait_exit(200ms));
    CHECK(engine->run("pwd").find("\"error\": null") != std::string::npos);
}

TEST_CASE("sim daemonize leaves a process that its parent's end does not end") {
    auto engine = standin();
    if (!engine)
        return;
    const pid_t pid = sim(*engine, "daemonize").at("pid");
    REQUIRE(pid > 1);
    engine->close_stdin();
    engine->wait_exit();
    CHECK(exists(pid));
    ::kill(pid, SIGTERM);
    CHECK(exists(pid));
    ::kill(pid, SIGKILL);
}

TEST_CASE("sim http breaks the next answer, and only that") {
    auto engine = standin();
    if (!engine)
        return;
    const auto broken = [&](const std::string& kind, std::chrono::milliseconds timeout = 60s) {
        CHECK(engine->run("sim http " + kind).find("\"error\": null") != std::string::npos);
        return engine->exchange("GET /run?command=pwd HTTP/1.0\r\n\r\n", timeout);
    };
    const std::string good = engine->get("/run?command=pwd");
    const auto body = [](const std::string& reply) { return reply.substr(reply.find("\r\n\r\n") + 4); };
    CHECK(broken("none").empty());
    CHECK(body(broken("notjson")).starts_with("<html>"));
    const std::string wrong = broken("wronglength");
    CHECK(wrong.find("Content-Length: " + std::to_string(body(wrong).size() + 1000)) != std::string::npos);
    CHECK(body(broken("half")).size() == body(good).size() / 2);
    CHECK(broken("huge", 200ms).find("Content-Length: 4294967296") != std::string::npos);
    CHECK(broken("endless", 200ms).find("Content-Length") == std::string::npos);
    CHECK(broken("slow", 1500ms).size() < 20);
    CHECK(body(engine->get("/run?command=pwd")) == body(good));

    // A command's answer and a page are broken each on its own: a health check eats nothing.
    engine->run("sim http none");
    CHECK(engine->get("/cmdline.html").starts_with("HTTP/1.0 200 OK"));
    CHECK(engine->get("/run?command=pwd").empty());
    engine->run("sim http none page");
    CHECK(body(engine->get("/run?command=pwd")) == body(good));
    CHECK(engine->get("/cmdline.html").empty());
    CHECK(engine->get("/cmdline.html").starts_with("HTTP/1.0 200 OK"));
}

TEST_CASE("sim connect tells connected, refused, timeout and unreachable apart") {
    auto engine = standin();
    if (!engine)
        return;
    const std::string port = std::to_string(engine->port());
    CHECK(sim(*engine, "listen 0 127.0.0.1").at("result") == "listening");
    CHECK(sim(*engine, "connect 127.0.0.1 " + port).at("result") == "connected");
    CHECK(sim(*engine, "connect 127.0.0.1 1").at("result") == "refused");
    CHECK(sim(*engine, "connect 127.0.0.1 1 udp").at("result") == "refused");
    CHECK(sim(*engine, "connect ::1 1").at("result") != "connected");
    CHECK(engine->run("sim connect localhost 1").find("UserError") != std::string::npos);
}

TEST_CASE("sim read, write, ls and env show what the process sees") {
    auto engine = standin();
    if (!engine)
        return;
    CHECK(sim(*engine, "write a.txt 'some text'") == json{{"bytes", 9}});
    CHECK(sim(*engine, "read a.txt") == json{{"text", "some text"}});
    CHECK(sim(*engine, "read /nonexistent") == json{{"error", "ENOENT"}});
    CHECK(sim(*engine, "read /").at("error") == "EISDIR");
    CHECK(sim(*engine, "write /proc/x y").at("error") != nullptr);
    CHECK(sim(*engine, "ls .").at("names") == json{"a.txt", "err", "home", "out"});
    CHECK(sim(*engine, "ls a.txt").at("error") == "ENOTDIR");
    CHECK(sim(*engine, "env HOME") == json{{"value", engine->folder() + "/home"}});
    CHECK(sim(*engine, "env NOBODY") == json{{"value", nullptr}});
}

TEST_CASE("sim status shows ids, capabilities, seccomp, and the descriptors that were inherited") {
    auto engine = standin();
    if (!engine)
        return;
    const json status = sim(*engine, "status");
    for (const char* field :
         {"Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Seccomp", "NoNewPrivs"})
        CHECK(status.contains(field));
    CHECK(status.at("inherited") == json::object());
    CHECK(status.at("descriptors").size() >= 2);

    const json info = sim(*engine, "info");
    CHECK(info.at("stand_in") == true);
    CHECK(info.at("pid") == engine->pid());
}
