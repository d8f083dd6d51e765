#include "ctl/context/verbs.hpp"
#include "ctl/doctor/host_checks.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/jobs/scoped_session.hpp"
#include "sandbox/base/version.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr Duration kPictureTimeout = std::chrono::minutes(2);
constexpr std::uint32_t kPictureWidth = 64, kPictureHeight = 48;

struct Options {
    std::string config = kSiteSettings, tenant, policy;
    bool picture = false;
};

/// An admin's session needs a tenant; the first will do. A tenant's is its own.
std::string some_tenant(const ApiClient& api) {
    try {
        const Json answer = api.get("/v1/tenants");
        return answer.at("tenants").empty() ? std::string() : word(answer.at("tenants").front(), {"name"});
    } catch (const Error& error) {
        if (error.code() == Errc::denied)
            return {};
        throw;
    }
}

/// A whole number of four bytes, as PNG has them.
std::uint32_t number_at(std::string_view bytes, std::size_t place) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i)
        number = number << 8U | static_cast<unsigned char>(bytes[place + i]);
    return number;
}

/// Signature, the header's dimensions, and an end (PNG specification, 5.2 and 11.2).
bool is_that_picture(std::string_view bytes) {
    using namespace std::string_view_literals;
    return bytes.size() > 44 && bytes.starts_with("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"sv) &&
           number_at(bytes, 16) == kPictureWidth && number_at(bytes, 20) == kPictureHeight &&
           bytes.substr(bytes.size() - 8, 4) == "IEND";
}

Check draw_picture(const Context& context, const Options& options) {
    try {
        const ApiClient api = context.api();
        Json wanted{{"name", "doctor"}};
        const std::string tenant = options.tenant.empty() ? some_tenant(api) : options.tenant;
        if (!tenant.empty())
            wanted["tenant"] = tenant;
        if (!options.policy.empty())
            wanted["policy"] = options.policy;
        const OwnSession session(context, wanted);
        session.wait_until_ready(api);
        HttpRequest request{.method = "POST",
                            .target = "/v1/sessions/" + session.id() + "/render",
                            .token = {},
                            .body = Json{{"width", kPictureWidth}, {"height", kPictureHeight}}.dump()};
        std::string picture;
        request.on_piece = [&](std::string_view piece) { picture += piece; };
        api.call(request, kPictureTimeout);
        if (is_that_picture(picture))
            return {"picture", Verdict::good, "drawn just now in a session", {}};
        return {"picture", Verdict::failed,
                "what a session drew is not a picture of the size that was asked for",
                "Look at its ChimeraX: sandboxctl create, and sandboxctl render."};
    } catch (const Error& error) {
        return {"picture", Verdict::failed, error.what(),
                error.cure().empty() ? "Install ChimeraX's libOSMesa, and let the policy bind it; "
                                       "sandboxctl ls -a and logs tell more."
                                     : error.cure()};
    }
}

void doctor(Context& context, const Options& options) {
    std::vector<Check> checks = examine(context, options.config);
    if (options.picture) {
        std::erase_if(checks, [](const Check& check) { return check.name == "picture"; });
        checks.push_back(draw_picture(context, options));
    }
    if (context.json())
        context.print(doctor_json(checks));
    else
        context.terminal.out << doctor_text(context.terminal, checks, context.globals.quiet);
    const bool any_failed =
        std::ranges::any_of(checks, [](const Check& check) { return check.verdict == Verdict::failed; });
    context.exit_status = any_failed ? 1 : 0;
}

} // namespace

std::vector<Check> examine(const Context& context, const std::string& config) {
    const HostView host = this_host();
    std::vector<Check> checks = check_host(host);
    std::ranges::move(check_site(config, host), std::back_inserter(checks));
    std::ranges::move(check_api(context.api(), context.globals.host, version(), host),
                      std::back_inserter(checks));
    std::stable_partition(checks.begin(), checks.end(), [](const Check& check) {
        return check.name == kChimerax && check.verdict == Verdict::failed;
    });
    return checks;
}

void add_doctor(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("doctor", "Check this host; each failure says its cure");
    verb.option("--config", options->config, "The site's settings").of("FILE").show_default();
    verb.flag("--picture", options->picture, "Have a picture drawn, in a session that is made for it");
    verb.option("-t,--tenant", options->tenant, "Whose session that is; the first one's unless given")
        .of("TENANT");
    verb.option("-p,--policy", options->policy, "Its policy").of("POLICY");
    verb.run([options, &context] { doctor(context, *options); });
}

} // namespace sandbox::ctl
