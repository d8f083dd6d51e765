#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/views/live_screen.hpp"
#include "ctl/views/top_text.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

namespace sandbox::ctl {
namespace {

constexpr std::size_t kMostStats = 100; ///< sessions whose every figure is asked for, a call each

struct Options {
    std::vector<std::string> ids;
    std::string sort = "cpu", interval = "2s", tenant;
    bool once = false;
};

class Top {
  public:
    Top(const Context& context, const Options& options)
        : context_(context),
          api_(context.api()),
          options_(options),
          sort_(options.sort) {
        for (const std::string& prefix : options.ids)
            ids_.push_back(api_.find_session(prefix));
    }

    void read() {
        rows_ = listed();
        sort_rows(rows_, "memory");
        for (std::size_t i = 0; i < rows_.size() && i < kMostStats; ++i) {
            const std::string id = word(rows_[i].session, {"id"});
            try {
                // Its history stands for the sample before, which the first look has not.
                rows_[i].stats = api_.get("/v1/sessions/" + id + "/stats?history=" + (first_ ? "1" : "0"));
            } catch (const Error& error) {
                if (error.code() != Errc::gone && error.code() != Errc::not_found)
                    throw;
            }
            rates_.fill(rows_[i]);
        }
        rates_.keep(rows_);
        first_ = false;
    }

    std::string text(std::size_t width) {
        sort_rows(rows_, sort_);
        return top_text(rows_, sort_, width, !context_.globals.no_headers, std::chrono::system_clock::now());
    }

    Json json() {
        sort_rows(rows_, sort_);
        Json all = Json::array();
        for (const TopRow& row : rows_)
            all.push_back(
                {{"session", row.session},
                 {"stats", row.stats},
                 {"cpus", row.cpus ? Json(*row.cpus) : Json()},
                 {"io_bytes_per_second", row.io_bytes_per_second ? Json(*row.io_bytes_per_second) : Json()}});
        return {{"sessions", std::move(all)}};
    }

    void next_sort() {
        const auto* at = std::ranges::find(kTopSorts, sort_);
        sort_ = at == kTopSorts.end() || at + 1 == kTopSorts.end() ? kTopSorts.front() : *(at + 1);
    }

  private:
    std::vector<TopRow> listed() const {
        const Json answer = api_.get(
            "/v1/sessions" + (options_.tenant.empty() ? "" : "?tenant=" + encode_component(options_.tenant)));
        std::vector<TopRow> rows;
        for (const Json& session : answer.at("sessions")) {
            const bool asked = ids_.empty() || std::ranges::find(ids_, word(session, {"id"})) != ids_.end();
            if (asked && word(session, {"state"}) != "ended")
                rows.push_back({session, Json(), std::nullopt, std::nullopt});
        }
        return rows;
    }

    const Context& context_;
    ApiClient api_;
    const Options& options_;
    std::string sort_;
    std::vector<std::string> ids_;
    std::vector<TopRow> rows_;
    TopRates rates_;
    bool first_ = true;
};

void top(Context& context, const Options& options) {
    const Duration interval = parse_duration(options.interval);
    if (interval < std::chrono::milliseconds(100))
        throw Error(Errc::invalid_argument, "--interval " + options.interval + " is too short",
                    "The figures are read each second.", "interval");
    Top top(context, options);
    top.read();
    if (context.json()) {
        context.print(top.json());
        return;
    }
    if (options.once || !context.terminal.is_terminal) {
        context.terminal.out << top.text(context.terminal.width);
        return;
    }
    bool fresh = true;
    std::string failure;
    context.exit_status = run_live(
        context.terminal, interval,
        [&](const LiveScreen& screen, bool due) {
            if (due && !fresh) {
                try {
                    top.read();
                    failure.clear();
                } catch (const Error& error) { // a manager that is upgraded comes again
                    failure = printable(error.what()) + "\n";
                }
            }
            fresh = false;
            return failure + top.text(screen.width());
        },
        [&](char key) {
            if (key == 's')
                top.next_sort();
        });
}

} // namespace

void add_top(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("top", "Watch what sessions use; keys: s sorts by the next column, q ends");
    verb.option("ID", options->ids, "Only these; all, if none is given");
    verb.option("-t,--tenant", options->tenant, "Only this tenant's");
    verb.option("--sort", options->sort, "The column to sort by")
        .one_of({"cpu", "memory", "pids", "pressure", "io", "idle", "id"})
        .show_default();
    verb.option("--interval", options->interval, "How often to look").show_default();
    verb.flag("--once", options->once, "Print one table and end, as when the output is no terminal");
    verb.run([options, &context] { top(context, *options); });
}

} // namespace sandbox::ctl
