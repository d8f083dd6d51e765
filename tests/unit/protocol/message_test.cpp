#include "sandbox/protocol/message.hpp"

#include <functional>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::protocol;

namespace {

Launch full_launch() {
    return {.session = "abcdefghijklmnop",
            .slot = 7,
            .tenant = "acme",
            .policy = "default",
            .digest = "d1",
            .memory_max = 2_GiB,
            .cpus = 1.5,
            .pids_max = 256,
            .environment = {{"LANG", "de_DE.UTF-8"}, {"NOTE", "grün \"quoted\""}},
            .token_hash = "ff",
            .probe_of = "",
            .learns = true};
}

Launched full_launched() {
    return {.session = "abcdefghijklmnop",
            .slot = 7,
            .tenant = "acme",
            .policy = "default",
            .digest = "d1",
            .init_pid = 4711,
            .start_time = 18446744073709551615U,
            .engine_pid = 4712,
            .uid = 1879048199,
            .address = "198.18.0.15",
            .port = 50000,
            .publish = true,
            .published_port = 40001,
            .cgroup = "chimerax.slice/x",
            .log_dir = "/var/lib/x/log",
            .executable = "/usr/bin/ChimeraX",
            .stand_in = true,
            .token_hash = "ff",
            .not_enforced = {"io.max: controller io is missing"},
            .memory_max = 4_GiB,
            .cpus = 0.5,
            .pids_max = 99,
            .timeline = {{"mounts", 120}, {"exec", 900}},
            .learner_pid = 4712};
}

template <typename Body>
Body over_the_wire(const Body& body) {
    if constexpr (requires { Request(body); }) {
        const auto packet = decode_request(encode(Packet<Request>{42, body}));
        REQUIRE(packet.id == 42);
        return std::get<Body>(packet.body);
    } else {
        const auto packet = decode_reply(encode(Packet<Reply>{43, body}));
        REQUIRE(packet.id == 43);
        return std::get<Body>(packet.body);
    }
}

template <typename Body>
void check_round_trip(const Body& body) {
    CHECK(over_the_wire(body) == body);
}

/// The field that the refusal names; "" for a refusal of the whole text.
std::string refused_field(const std::string& text) {
    try {
        decode_request(text);
    } catch (const Error& error) {
        CHECK(error.code() == Errc::invalid_argument);
        return error.field();
    }
    FAIL("it was taken: " << text.substr(0, 200));
    return "(taken)";
}

std::string with(std::string text, const std::string& old, const std::string& now) {
    const auto at = text.find(old);
    REQUIRE(at != std::string::npos);
    return text.replace(at, old.size(), now);
}

std::string launch_text() {
    return encode(Packet<Request>{42, full_launch()});
}

} // namespace

TEST_CASE("every request comes out as it went in") {
    check_round_trip(full_launch());
    check_round_trip(Launch{});
    check_round_trip(End{"abcdefghijklmnop", 10000});
    check_round_trip(Publish{"abcdefghijklmnop"});
    check_round_trip(Inspect{"abcdefghijklmnop"});
    check_round_trip(List{"abcdefghijklmnop"});
    check_round_trip(Attach{"abcdefghijklmnop"});
    check_round_trip(OpenFile{"abcdefghijklmnop", "a/picture.png", true, "l\xe9"});
    check_round_trip(PutFile{"abcdefghijklmnop", "a/l\xe9%b.pdb", 12, {{{"\"tag\"", "*"}}, {}, {}}});
    check_round_trip(RemoveFile{"abcdefghijklmnop", "a/b\n.pdb", {{}, {{"*"}}, -1}});
    check_round_trip(SetLimits{"abcdefghijklmnop", 1_GiB, 1.5, 64});
    check_round_trip(SetLimits{"abcdefghijklmnop", {}, {}, {}});
}

TEST_CASE("every reply comes out as it went in") {
    check_round_trip(full_launched());
    check_round_trip(Launched{});
    check_round_trip(Ended{"abcdefghijklmnop",
                           ExitRecord{.run = 2, .exit_status = {}, .signal = 9, .runtime_milliseconds = 5}, 1,
                           3_GiB, 123456, "sigterm", SystemCalls{{{"read", 12}}, {{"mount", 1}}}});
    check_round_trip(Ended{});
    check_round_trip(Published{40001});
    check_round_trip(Freeze{"abcdefghijklmnop", true});
    check_round_trip(Frozen{false});
    check_round_trip(Opened{4096, "1a-2.3-4"});
    check_round_trip(Inspected{R"({"mounts":["/"]})"});
    check_round_trip(Listed{{full_launched(), full_launched()}, true, {"abcdefghijklmnop"}});
    check_round_trip(Forget{{"abcdefghijklmnop", "bbcdefghijklmnop"}});
    check_round_trip(Reload{"0123"});
    check_round_trip(Reloaded{});
    check_round_trip(Forgotten{});
    check_round_trip(Stored{true, "1a-2.3-4"});
    check_round_trip(Removed{});
    check_round_trip(Sweep{.dry_run = true});
    check_round_trip(Swept{{{"cgroup", "/sys/fs/cgroup/x/abcdefghijklmnop"}, {"link", "cx7"}}});
    check_round_trip(Look{"abcdefghijklmnop"});
    check_round_trip(Reclaim{"abcdefghijklmnop"});
    check_round_trip(Reclaimable{});
    check_round_trip(Restart{"abcdefghijklmnop"});
    check_round_trip(Failure{Errc::capacity, "slot 7 is in use", "wait", "slot"});
}

TEST_CASE("an Error crosses the socket with code, cure and field") {
    const Error back = to_error(to_failure(Error(Errc::denied, "no", "ask", "policy")));
    CHECK(back.code() == Errc::denied);
    CHECK(std::string(back.what()) == "no");
    CHECK(back.cure() == "ask");
    CHECK(back.field() == "policy");
}

TEST_CASE("an unknown key is refused by its name, at every level") {
    CHECK(refused_field(with(launch_text(), "\"slot\":7", "\"slot\":7,\"argv\":[]")) == "argv");
    CHECK(refused_field(with(launch_text(), "\"id\":42", "\"id\":42,\"extra\":1")) == "extra");
    const std::string listed = encode(Packet<Reply>{1, Listed{{full_launched()}, false, {}}});
    CHECK_THROWS_WITH(decode_reply(with(listed, "\"uid\"", "\"path\":1,\"uid\"")),
                      Catch::Contains("sessions[0].path"));
}

TEST_CASE("a missing key is refused by its name, an optional one may be absent") {
    CHECK(refused_field(with(launch_text(), "\"slot\":7,", "")) == "slot");
    CHECK(refused_field("{}") == "version");
    CHECK(refused_field(R"({"version":1,"id":1,"type":"list"})") == "body");
    const auto packet = decode_request(with(launch_text(), "\"pids_max\":256,", ""));
    CHECK_FALSE(std::get<Launch>(packet.body).pids_max.has_value());
}

TEST_CASE("a wrong type is refused by the name of its field") {
    CHECK(refused_field(with(launch_text(), "\"slot\":7", "\"slot\":\"7\"")) == "slot");
    CHECK(refused_field(with(launch_text(), "\"slot\":7", "\"slot\":7.0")) == "slot");
    CHECK(refused_field(with(launch_text(), "\"slot\":7", "\"slot\":-1")) == "slot");
    CHECK(refused_field(with(launch_text(), "\"slot\":7", "\"slot\":true")) == "slot");
    CHECK(refused_field(with(launch_text(), "\"slot\":7", "\"slot\":null")) == "slot");
    CHECK(refused_field(with(launch_text(), "\"cpus\":1.5", "\"cpus\":null")) == "cpus");
    CHECK(refused_field(with(launch_text(), "\"tenant\":\"acme\"", "\"tenant\":[\"acme\"]")) == "tenant");
    CHECK(refused_field(with(launch_text(), "\"de_DE.UTF-8\"", "7")) == "environment.LANG");
    CHECK(refused_field(R"({"version":1,"id":1,"type":"list","body":[]})").empty());
    CHECK(refused_field("[]").empty());
    CHECK(refused_field("null").empty());
}

TEST_CASE("another version, a reply in place of a request, and an unknown type are refused") {
    CHECK(refused_field(with(launch_text(), "\"version\":1", "\"version\":2")) == "version");
    CHECK(refused_field(with(launch_text(), "\"launch\"", "\"exec\"")) == "type");
    CHECK(refused_field(encode(Packet<Reply>{1, Published{1}})) == "type");
    CHECK_THROWS_AS(decode_reply(launch_text()), Error);
}

TEST_CASE("numbers that do not fit are refused, not cut") {
    for (const char* number : {"4294967296", "18446744073709551616", "1e3", "1e400", "-0.5",
                               "99999999999999999999999999999999999999"}) {
        INFO(number);
        CHECK_THROWS_AS(decode_request(with(launch_text(), "\"slot\":7", "\"slot\":" + std::string(number))),
                        Error);
    }
    CHECK(refused_field(with(launch_text(), "\"memory_max\":2147483648",
                             "\"memory_max\":9223372036854775808")) == "memory_max");
    CHECK(refused_field(with(launch_text(), "\"memory_max\":2147483648", "\"memory_max\":-1")) ==
          "memory_max");
}

TEST_CASE("deep nesting is refused at a fixed depth, however deep it goes") {
    const std::string deep(60000, '[');
    CHECK_THROWS_WITH(decode_request(deep + std::string(60000, ']')), Catch::Contains("nested deeper"));
    CHECK_THROWS_WITH(decode_request(with(launch_text(), "\"slot\":7", "\"slot\":" + deep)),
                      Catch::Contains("nested deeper"));
}

TEST_CASE("text that is not JSON, not UTF-8, cut, or has something behind it is refused") {
    const std::string good = launch_text();
    for (const std::string& text :
         {std::string(), std::string("\xff\xfe"), good + "x", good + good, good.substr(0, good.size() - 1),
          with(good, "acme", "ac\xc3me"), with(good, "acme", "ac\xed\xa0\x80me")}) {
        CHECK_THROWS_AS(decode_request(text), Error);
    }
}

TEST_CASE("a NUL in a text is refused: it would be cut where it becomes a C string") {
    CHECK(refused_field(with(launch_text(), "acme", "ac\\u0000me")) == "tenant");
    CHECK(refused_field(with(launch_text(), "de_DE", "de\\u0000DE")) == "environment.LANG");
    CHECK(refused_field(with(launch_text(), "\"LANG\"", "\"LA\\u0000NG\"")) == "environment");
}

TEST_CASE("a key that stands twice is refused") {
    CHECK(refused_field(with(launch_text(), "\"slot\":7", "\"slot\":7,\"slot\":8")) == "slot");
    CHECK(refused_field(with(launch_text(), "\"id\":42", "\"id\":42,\"id\":43")) == "id");
}

TEST_CASE("a packet over 128 KiB is refused before it is parsed") {
    Launch launch = full_launch();
    launch.environment["BIG"] = std::string(kMaxPacket, 'x');
    CHECK_THROWS_WITH(decode_request(encode(Packet<Request>{1, launch})), Catch::Contains("over the limit"));
}

TEST_CASE("a request that the launcher would refuse is not sent") {
    const std::string nul("a\0b", 3);
    CHECK_THROWS_AS(encode(Packet<Request>{1, OpenFile{"abcdefghijklmnop", nul, false}}), Error);
    CHECK_THROWS_AS(
        encode(Packet<Request>{1, OpenFile{"abcdefghijklmnop", std::string(kMaxPacket, 'x'), false}}), Error);
}

TEST_CASE("a request that is not UTF-8 is not sent; in a reply the bad bytes are replaced") {
    Launch launch = full_launch();
    launch.environment["BAD"] = "\xff";
    CHECK_THROWS_AS(encode(Packet<Request>{1, launch}), Error);
    const Failure back = over_the_wire(Failure{Errc::io, "file \xff: gone", "", ""});
    CHECK(back.message == "file \xEF\xBF\xBD: gone");
}
