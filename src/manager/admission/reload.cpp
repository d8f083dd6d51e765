// All files of the site are read and checked before any of them is in force, here and at the launcher.
#include "manager/admission/reload.hpp"

#include "manager/accounting/sampler.hpp"
#include "manager/admission/scheduler.hpp"
#include "manager/session/launcher_client.hpp"
#include "sandbox/base/log.hpp"

#include <utility>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr int kMaxTries = 3;

class Underway {
  public:
    explicit Underway(bool& flag) : flag_(flag) {
        if (flag_)
            throw Error(Errc::conflict, "a reload is under way already", "Wait until it is done.");
        flag_ = true;
    }
    Underway(const Underway&) = delete;
    Underway& operator=(const Underway&) = delete;
    ~Underway() { flag_ = false; }

  private:
    bool& flag_;
};

bool is_same(const policy::LoadedPolicy& a, const policy::LoadedPolicy& b) {
    return a.policy.digest == b.policy.digest;
}

bool is_same(const policy::Tenant& a, const policy::Tenant& b) {
    return a == b;
}

/// One whose file was wrong at the start was not in force: it is added.
template <typename T>
Reloaded::Names difference(const std::map<std::string, std::variant<T, Error>>& before,
                           const std::map<std::string, std::variant<T, Error>>& after) {
    const auto find = [](const auto& entries, const std::string& name) -> const T* {
        const auto entry = entries.find(name);
        return entry == entries.end() ? nullptr : std::get_if<T>(&entry->second);
    };
    Reloaded::Names names;
    for (const auto& [name, entry] : after) {
        const T* old = find(before, name);
        if (old == nullptr)
            names.added.push_back(name);
        else if (!is_same(*old, std::get<T>(entry)))
            names.changed.push_back(name);
    }
    for (const auto& [name, entry] : before)
        if (std::holds_alternative<T>(entry) && !after.contains(name))
            names.removed.push_back(name);
    return names;
}

/// The launcher takes the same files, or says what is wrong with them: it looks at who could write them too.
asio::awaitable<policy::SiteFiles> agreed_files(ContextPtr context) {
    for (int tries = 1;; ++tries) {
        policy::SiteFiles files = policy::read_site_files(context->site, policy::Trust::any_owner);
        protocol::Request request(protocol::Reload{files.digest});
        const LauncherAnswer answer =
            co_await context->launcher->call(std::move(request), context->tuning.answer_timeout);
        const auto* failure = std::get_if<protocol::Failure>(&answer.reply);
        if (failure == nullptr)
            co_return files;
        // They were changed between the two readings.
        if (failure->code != Errc::conflict || failure->field != "digest" || tries == kMaxTries)
            throw protocol::to_error(*failure);
    }
}

Reloaded take(Context& context, policy::SiteFiles files) {
    const policy::Rulebook& before = context.catalog.rulebook();
    Reloaded done{.policies = difference(before.policies, files.rulebook.policies),
                  .tenants = difference(before.tenants, files.rulebook.tenants),
                  .settings = policy::compare(context.site, files.site)};
    context.catalog.replace(std::move(files.rulebook));
    policy::apply(context.site, files.site);
    context.admission.take(context.site);
    context.kept_logs->take(context.site.logs);
    ++context.reloads;
    begin_with_zero(context);
    schedule(context); // there may be more room now
    return done;
}

std::string counted(const char* kind, const Reloaded::Names& names) {
    return std::string(kind) + " " + std::to_string(names.added.size()) + " added, " +
           std::to_string(names.changed.size()) + " changed, " + std::to_string(names.removed.size()) +
           " removed";
}

} // namespace

std::string to_text(const Reloaded& done) {
    std::string text = counted("policies:", done.policies) + "; " + counted("tenants:", done.tenants);
    const auto add = [&](const char* title, const std::vector<std::string>& names) {
        for (const std::string& name : names)
            text += (&name == &names.front() ? title : ", ") + name;
    };
    add("; settings taken: ", done.settings.applied);
    add("; settings that wait for a restart: ", done.settings.restart);
    return text;
}

asio::awaitable<Reloaded> reload(ContextPtr context) {
    try {
        const Underway underway(context->reloading);
        if (context->on_reload)
            context->on_reload();
        policy::SiteFiles files = co_await agreed_files(context);
        Reloaded done = take(*context, std::move(files));
        context->reload_refused = false;
        context->counters.reloads.at({"ok"}) += 1;
        log::info("reload: " + to_text(done));
        co_return done;
    } catch (const Error& error) {
        context->reload_refused = true;
        context->counters.reloads.at({"refused"}) += 1;
        log::error_lines("reload: " + error.full());
        throw;
    }
}

} // namespace sandbox::manager
