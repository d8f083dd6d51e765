#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/http/event_stream.hpp"
#include "ctl/jobs/commands.hpp"
#include "ctl/jobs/ending_command.hpp"
#include "ctl/terminal/event_fd.hpp"
#include "ctl/terminal/interrupts.hpp"
#include "ctl/terminal/line_source.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <exception>
#include <memory>
#include <mutex>
#include <ostream>
#include <thread>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

namespace sandbox::ctl {
namespace {

constexpr auto kTouchEvery = std::chrono::seconds(15);

/// Each command makes a session busy and ready again: that is seen anyway.
bool is_own_work(const Json& event) {
    const auto is_at_work = [](const std::string& state) { return state == "ready" || state == "busy"; };
    return word(event, {"type"}) == "state" && is_at_work(word(event, {"state"})) &&
           is_at_work(word(event, {"previous_state"}));
}

/// What happens to a session, read in a thread of its own.
class Feed {
  public:
    Feed(ApiClient api, std::string session)
        : thread_([this, api = std::move(api), session = std::move(session)] { run(api, session); }) {}
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;
    ~Feed() {
        enough_.ring();
        thread_.join();
    }

    const Bell& bell() const { return bell_; }

    struct News {
        std::vector<std::string> lines;
        bool ended = false;
    };
    News take() {
        bell_.silence();
        const std::lock_guard lock(mutex_);
        return {std::exchange(news_.lines, {}), news_.ended};
    }

  private:
    void add(std::string line, bool ended) {
        {
            const std::lock_guard lock(mutex_);
            if (!line.empty())
                news_.lines.push_back(std::move(line));
            news_.ended = news_.ended || ended;
        }
        bell_.ring();
    }

    void run(const ApiClient& api, const std::string& session) {
        EventSource source;
        source.session = session;
        source.until = enough_.fd();
        try {
            follow_events(
                api, source,
                [this](const StreamEvent&, const Json& event) {
                    const bool is_first = member(event, {"previous_state"}).is_null() &&
                                          word(event, {"message"}) == "as it is now";
                    add(is_first || is_own_work(event) ? std::string() : event_line(event),
                        word(event, {"state"}) == "ended");
                },
                [this](const Error& error) { add(printable(error.what()), false); });
        } catch (const Error& error) {
            add(printable(error.what()), error.code() == Errc::gone || error.code() == Errc::not_found);
        }
    }

    Bell bell_, enough_;
    std::mutex mutex_;
    News news_;
    std::thread thread_; // the last member: what it uses is there before it
};

class Attached {
  public:
    /// `is_typed`: by somebody who can be asked.
    Attached(Context& context, std::string session, bool is_typed)
        : context_(context),
          is_typed_(is_typed),
          api_(context.api(leave_.fd())),
          route_("/v1/sessions/" + session),
          feed_(context.api(), std::move(session)) {}

    /// Runs lines until there are no more, or the session has ended. False: somebody left while a command
    /// ran.
    bool run(LineSource& lines) {
        const LineSource::Meanwhile meanwhile = [this] { return tell(true); };
        key_ = lines.interrupt_key();
        while (!ended_ && !left_) {
            const std::optional<std::string> line = lines.next(feed_.bell().fd(), meanwhile);
            if (!line)
                break;
            if (line->find_first_not_of(" \t\r") != std::string::npos && is_meant(lines, *line))
                command(*line);
        }
        if (ended_)
            context_.exit_status = errc_info(Errc::gone).exit_status;
        return !left_;
    }

  private:
    /// False once the session has ended.
    bool tell(bool is_idle) {
        const Feed::News news = feed_.take();
        for (const std::string& line : news.lines)
            context_.terminal.err << painted(context_.terminal, "-- " + line, Colour::dim) << std::endl;
        ended_ = ended_ || news.ended;
        if (is_idle && !ended_ && std::chrono::steady_clock::now() - used_ >= kTouchEvery)
            touch();
        return !ended_;
    }

    /// Whoever types `exit` in a shell only leaves it.
    bool is_meant(LineSource& lines, const std::string& line) {
        if (!is_typed_ || !ends_chimerax(line))
            return true;
        context_.terminal.err << printable(line)
                              << " would end ChimeraX and this session, with its models; Ctrl-D leaves it "
                                 "running."
                              << std::endl;
        const std::optional<std::string> answer =
            lines.ask("End it? [y/N] ", feed_.bell().fd(), [this] { return tell(true); });
        return answer && (answer == "y" || answer == "Y" || answer == "yes");
    }

    /// Who is attached uses the session, though he types nothing.
    void touch() {
        used_ = std::chrono::steady_clock::now();
        try {
            api_.post(route_ + "/touch", Json::object(), std::chrono::seconds(2));
        } catch (const Error&) { // the events tell why
        }
    }

    void command(const std::string& line) {
        Json result;
        std::exception_ptr failure;
        const Bell done;
        std::optional<Interrupts> interrupts;
        if (is_typed_)
            interrupts.emplace(key_);
        std::thread worker([&] {
            try {
                const Duration timeout = context_.globals.timeout.value_or(kCommandTimeout);
                Json body{{"command", line}};
                if (context_.globals.timeout)
                    body["timeout_seconds"] = static_cast<double>(timeout.count()) / 1000;
                result = api_.post(route_ + "/commands", body, timeout + kAnswerTimeout);
            } catch (...) {
                failure = std::current_exception();
            }
            done.ring();
        });
        wait_for(done, interrupts);
        worker.join();
        used_ = std::chrono::steady_clock::now();
        if (!left_)
            show(result, failure);
    }

    void wait_for(const Bell& done, const std::optional<Interrupts>& interrupts) {
        std::array<pollfd, 3> waited{pollfd{done.fd(), POLLIN, 0}, pollfd{feed_.bell().fd(), POLLIN, 0},
                                     pollfd{interrupts ? interrupts->bell().fd() : -1, POLLIN, 0}};
        bool told = false;
        while (waited[0].revents == 0) {
            if (::poll(waited.data(), waited.size(), -1) < 0)
                continue;
            if (waited[1].revents != 0)
                tell(false);
            if (waited[2].revents == 0 || waited[0].revents != 0)
                continue;
            interrupts->bell().silence();
            left_ = std::exchange(told, true);
            context_.terminal.err << (left_ ? "-- the command still runs in the session"
                                            : "-- the command goes on in the session; Ctrl-C again leaves")
                                  << std::endl;
            if (left_)
                leave_.ring();
        }
    }

    void show(const Json& result, const std::exception_ptr& failure) {
        int status = 0;
        try {
            if (failure)
                std::rethrow_exception(failure);
            status = show_result(context_, result, context_.json()) ? 0 : 1;
        } catch (const Error& error) {
            status = report(context_.terminal, error);
            ended_ = ended_ || error.code() == Errc::gone;
        }
        context_.terminal.out << std::flush;
        context_.exit_status = context_.exit_status == 0 ? status : context_.exit_status;
    }

    Context& context_;
    const bool is_typed_;
    Bell leave_; ///< breaks off what is asked
    ApiClient api_;
    std::string route_;
    bool ended_ = false, left_ = false;
    int key_ = -1;                                 ///< for SIGINT, while a command runs
    std::chrono::steady_clock::time_point used_{}; ///< long ago
    Feed feed_;
};

void attach(Context& context, const std::string& prefix) {
    const std::string id = context.api().find_session(prefix);
    const Json session = context.api().get_session(id);
    if (word(session, {"state"}) == "ended")
        throw Error(Errc::gone, "session " + id + " has ended", "Make a new session.");
    const bool is_typed = context.terminal.is_terminal && ::isatty(context.terminal.input) == 1;
    const auto lines = is_typed ? edited_lines(id.substr(0, 8) + "> ") : plain_lines(context.terminal.input);
    if (is_typed && !context.globals.quiet)
        context.terminal.err << "Commands go to ChimeraX in session " << id << "; Ctrl-D leaves it.\n";
    if (!Attached(context, id, is_typed).run(*lines))
        context.exit_status = 128 + SIGINT;
    else if (is_typed && context.exit_status != errc_info(Errc::gone).exit_status)
        context.exit_status = 0; // he has seen what failed
}

} // namespace

void add_attach(Verb& app, Context& context) {
    const auto id = std::make_shared<std::string>();
    Verb verb =
        app.add_verb("attach", "Type commands for a session's ChimeraX, or pipe them in; Ctrl-D leaves");
    verb.option("ID", *id, "The session; the start of its id is enough").required();
    verb.run([id, &context] { attach(context, *id); });
}

} // namespace sandbox::ctl
