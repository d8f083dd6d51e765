#pragma once

#include "ctl/context/context.hpp"

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {

/// What `top` shows of one session.
struct TopRow {
    Json session, stats;                             ///< as the API has them; stats null where it has none
    std::optional<double> cpus, io_bytes_per_second; ///< none before there are two samples
};

/// Rates need two samples: those of the time before are kept here, by session.
class TopRates {
  public:
    /// Fills in the row's rates, from the sample before, else from its history where there is one.
    void fill(TopRow& row);
    /// Only these sessions are kept.
    void keep(const std::vector<TopRow>& rows);

  private:
    struct Sample {
        double at = 0, cpu = 0, io = 0;
    };
    std::map<std::string, Sample> last_;
};

/// The keys that `--sort` takes, in the order in which the key `s` goes through them.
inline constexpr std::array kTopSorts{"cpu", "memory", "pids", "pressure", "io", "idle", "id"};

/// The greatest first, of idle time too; `id` upwards. Those without a figure come last.
void sort_rows(std::vector<TopRow>& rows, const std::string& key);

/// A line of sums and a table in the order of `rows`; small bars where the width has room for them.
std::string top_text(const std::vector<TopRow>& rows, const std::string& sort, std::size_t width,
                     bool headers, std::chrono::system_clock::time_point now);

/// `████░░` for 0.6 of six; empty for a width of 0, or where there is no limit.
std::string bar(std::optional<double> part, std::size_t width);

} // namespace sandbox::ctl
