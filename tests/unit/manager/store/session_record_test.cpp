#include "manager/store/session_record.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;

namespace {

SessionRecord full_record() {
    SessionRecord record;
    record.view.id = "abcdefghijklmnop";
    record.view.name = "grün \"quoted\"";
    record.view.tenant = "acme";
    record.view.policy = "default";
    record.view.policy_digest = "d1";
    record.view.labels = {{"app", "viewer"}, {"", "x"}};
    record.view.state = State::frozen;
    record.view.slot = 7;
    record.view.uid = 1879048199;
    record.view.pid = 4711;
    record.view.address = "198.18.0.15";
    record.view.port = 50000;
    record.view.published_port = 40001;
    record.view.created_at = WallTime(1'700'000'000'123ms);
    record.view.ready_at = WallTime(1'700'000'001'000ms);
    record.view.last_activity_at = WallTime(1'700'000'002'000ms);
    record.view.asked.memory_max = 2_GiB;
    record.view.enforced = {4_GiB, 0.5, 99};
    record.view.not_enforced = {"io.max: controller io is missing"};
    record.view.engine.executable = "/usr/bin/ChimeraX";
    record.view.engine.stand_in = true;
    record.view.rest = {WallTime(1'700'000'002'500ms), 7_MiB, "the swap is full"};
    record.view.autosave = {
        WallTime(1'700'000'002'600ms), "/work/a.cxs", WallTime(1'700'000'002'700ms), "no room", 3, true};
    record.view.log_dir = "/var/lib/x/log";
    record.view.cgroup = "chimerax.slice/x";
    record.view.learns = true;
    record.token_hash = "ff";
    record.overrides.cpus = 1.5;
    record.overrides.environment = {{"LANG", "C"}};
    record.boot_id = "b1";
    record.created = BootClock::time_point(123456789ns);
    record.intent = EndRequest{EndReason::idle, "nobody came"};
    record.log_tail = "last line\n";
    record.start_timeout = 1min;
    record.command_timeout = 30min;
    record.grace = 5s;
    record.publish = policy::Publish::loopback;
    record.lifecycle.end_after = 4h;
    record.lifecycle.active_cpus = 0.25;
    record.recovery.autosave_every = 5min;
    record.audit_commands = policy::CommandAudit::text;
    record.work_size = 3_GiB;
    return record;
}

SessionView::End some_end() {
    SessionView::End end;
    end.reason = EndReason::oom;
    end.at = WallTime(1'700'000'003'000ms);
    end.message = "killed";
    end.signal = 9;
    end.oom_kills = 3;
    end.memory_peak = 5_GiB;
    end.cpu_seconds = 12.25;
    end.log_tail = "x";
    end.log = SessionView::End::Log{LogFate::failed, 7_KiB, {}, "no room"};
    end.system_calls = protocol::SystemCalls{{{"read", 12}}, {{"mount", 1}}};
    return end;
}

} // namespace

TEST_CASE("a record comes back as it was written, with every field") {
    SessionRecord record = full_record();
    SECTION("of a session that lives") {}
    SECTION("of one that has ended") {
        record.view.state = State::ended;
        record.view.end = some_end();
    }
    const std::string json = to_json(record);
    const SessionRecord back = record_from_json(json);
    CHECK(to_json(back) == json);
    CHECK(back.view.labels == record.view.labels);
    CHECK(back.view.state == record.view.state);
    CHECK(back.view.created_at == record.view.created_at);
    CHECK(back.view.enforced.memory_max == 4_GiB);
    REQUIRE(back.view.end.has_value() == record.view.end.has_value());
    if (back.view.end) {
        CHECK(back.view.end->system_calls == record.view.end->system_calls);
        CHECK(back.view.end->log == record.view.end->log);
    }
    CHECK(back.created == record.created);
    CHECK(back.overrides == record.overrides);
    CHECK(back.lifecycle == record.lifecycle);
    CHECK(back.recovery == record.recovery);
    CHECK(back.audit_commands == record.audit_commands);
    CHECK(back.work_size == record.work_size);
    CHECK(back.publish == policy::Publish::loopback);
    CHECK(back.intent->reason == EndReason::idle);
    CHECK(back.command_timeout == 30min);
    // No field is at its default above, so none can be forgotten by both sides.
    for (const char* field :
         {"\"log_tail\":\"last line", "\"grace\":5000", "\"uid\":1879048199", "\"pid\":4711", "\"slot\":7",
          "\"stand_in\":true", "\"boot_id\":\"b1\"", "\"not_enforced\":[\"io.max",
          "\"frozen_at\":1700000002500000000", "\"reclaimed\":7340032", "\"not_reclaimed\":\"the swap",
          "\"last_at\":1700000002600000000", "\"file\":\"/work/a.cxs", "\"restored_at\":1700000002700000000",
          "\"failure\":\"no room", "\"owed_to\":3", "\"opening\":true", "\"learns\":true"})
        CHECK_THAT(json, Catch::Contains(field));
}

TEST_CASE("what a later release added is passed over, and what is missing has its default") {
    const SessionRecord record = record_from_json(
        R"({"new_thing":1,"session":{"id":"abcdefghijklmnop","state":"ready","newer":{"a":[]}}})");
    CHECK(record.view.state == State::ready);
    CHECK(record.grace == 0s);
    CHECK_FALSE(record.intent.has_value());
}

TEST_CASE("a tenant's bytes in the log do not spoil the record") {
    SessionRecord record = full_record();
    record.log_tail = std::string("\xff\xfe\0x", 4);
    CHECK_THAT(record_from_json(to_json(record)).log_tail, Catch::EndsWith("x"));
}

TEST_CASE("what is no record is refused") {
    for (const char* text :
         {"", "x", "[]", "{}", R"({"session":{"id":7}})", R"({"session":{"state":"nosuch","id":"a"}})",
          R"({"session":{"id":"a","labels":[1]}})"}) {
        INFO(text);
        CHECK_THROWS_AS(record_from_json(text), Error);
    }
}
