#pragma once

#include "ctl/views/top_text.hpp"

namespace sandbox::test {

/// Three sessions: one that works, one that rests, one that waits for its place and has no figures.
inline std::vector<ctl::TopRow> top_rows() {
    const auto session = [](const char* id, const char* name, const char* state) {
        return ctl::Json{
            {"id", id},
            {"name", name},
            {"tenant", "acme"},
            {"policy", {{"name", "default"}, {"digest", "0123456789abcdef"}}},
            {"state", state},
            {"created_at", "2026-01-31T09:05:07.000Z"},
            {"last_activity_at", "2026-01-31T09:15:05.500Z"},
            {"limits", {{"enforced", {{"memory_bytes", 4294967296}, {"cpus", 2.0}, {"pids", 512}}}}}};
    };
    ctl::Json busy = session("abcdefghijklmnop", "structure of a very long name", "busy");
    busy["address"] = "198.18.0.1";
    busy["usage"] = {{"memory_bytes", 3221225472},
                     {"memory_peak_bytes", 3321225472},
                     {"cpu_seconds", 812.5},
                     {"pids", 38}};
    ctl::Json frozen = session("bcdefghijklmnopq", "second", "frozen");
    frozen["address"] = "198.18.0.3";
    frozen["usage"] = {
        {"memory_bytes", 20971520}, {"memory_peak_bytes", 164626432}, {"cpu_seconds", 2.25}, {"pids", 8}};
    frozen["last_activity_at"] = "2026-01-31T08:25:07.000Z";
    ctl::Json queued = session("cdefghijklmnopqr", "-", "queued");
    queued["tenant"] = "globex";
    queued["last_activity_at"] = nullptr;
    const auto stats = [](double memory, double cpu, double io) {
        return ctl::Json{{"pressure",
                          {{"memory_some_avg10_percent", memory},
                           {"cpu_some_avg10_percent", cpu},
                           {"io_some_avg10_percent", io}}}};
    };
    return {{busy, stats(0, 12.4, 3), 1.53, 1258291.0},
            {frozen, stats(0, 0, 0), 0.0, 0.0},
            {queued, nullptr, std::nullopt, std::nullopt}};
}

} // namespace sandbox::test
