#include "sandbox/policy/site.hpp"

#include "policy/files/trusted_file.hpp"
#include "policy/load/policy_reader.hpp"
#include "policy/schema/schema.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/policy/loader.hpp"

namespace sandbox::policy {
namespace {

CgroupDriver driver_of(const std::string& text) {
    return text == "systemd"    ? CgroupDriver::systemd
           : text == "cgroupfs" ? CgroupDriver::cgroupfs
                                : CgroupDriver::automatic;
}

SiteAdmission read_admission(const FieldReader& fields) {
    SiteAdmission admission;
    admission.max_sessions = fields.optional_number("admission.max_sessions");
    admission.memory_budget = fields.optional_size("admission.memory_budget", "auto");
    admission.memory_overcommit = fields.real("admission.memory_overcommit");
    admission.starts_at_once = fields.number("admission.starts_at_once");
    admission.queue_length = fields.number("admission.queue_length");
    admission.queue_timeout = fields.duration("admission.queue_timeout");
    admission.memory_available_min = fields.optional_size("admission.memory_available_min");
    admission.memory_pressure_max = fields.optional_real("admission.memory_pressure_max");
    admission.io_pressure_max = fields.optional_real("admission.io_pressure_max");
    admission.disk_free_min = fields.optional_size("admission.disk_free_min");
    admission.descriptors_free_min = fields.optional_number("admission.descriptors_free_min");
    return admission;
}

Site read_site(const FieldReader& fields) {
    Site site;
    site.policies_dir = fields.text("policies_dir");
    site.vendor_policies_dir = fields.optional_text("vendor_policies_dir", "none").value_or("");
    site.tenants_dir = fields.text("tenants_dir");
    site.run_dir = fields.text("run_dir");
    site.state_dir = fields.text("state_dir");
    const toml::node& user = fields.node("manager_user");
    site.manager_user =
        user.is_integer() ? std::to_string(user.as_integer()->get()) : user.as_string()->get();
    site.cgroup_driver = driver_of(fields.text("cgroup_driver"));
    site.cgroup_mount = fields.text("cgroup_mount");
    site.cgroup_base = fields.text("cgroup_base");
    site.slots = static_cast<std::uint32_t>(fields.number("slots"));
    site.uid_base = static_cast<std::uint32_t>(fields.number("uid_base"));
    site.on_stop = fields.text("on_stop") == "keep" ? OnStop::keep : OnStop::end;
    site.audit = {fields.duration("audit.keep"), fields.size("audit.size")};
    site.logs = {fields.optional_duration("logs.keep"), fields.size("logs.size_per_tenant"),
                 fields.size("logs.size")};
    site.admission = read_admission(fields);
    site.listen_unix = fields.optional_text("listen_unix", "auto").value_or(site.run_dir + "/api.sock");
    site.listen_tcp = fields.texts("listen_tcp");
    site.listen_insecure = fields.node("listen_insecure").as_boolean()->get();
    site.host_names = fields.texts("host_names");
    const auto certificate = fields.optional_text("tls.certificate", "none");
    const auto key = fields.optional_text("tls.key", "none");
    if (certificate || key)
        site.tls = SiteTls{certificate.value_or(""), key.value_or("")};
    site.admin_group = fields.text("admin_group");
    site.admin_token_hashes = fields.texts("admin_token_hashes");
    return site;
}

void check_site(const Document& document, const Site& site) {
    const std::string& user = site.manager_user;
    if (user == "0" || user == "root")
        throw wrong_field(document, "manager_user",
                          "must not be root: the manager faces the callers, and needs no right of root's");
    if (user.find_first_not_of("0123456789") == std::string::npos && !is_user_id(user))
        throw wrong_field(document, "manager_user",
                          "must be a user's name, or a user id from 0 to 4294967294");
    if (site.admission.max_sessions && *site.admission.max_sessions > site.slots)
        throw wrong_field(document, "admission.max_sessions",
                          "must not be more than slots, of which there are " + std::to_string(site.slots));
}

void check_listeners(const Document& document, const Site& site) {
    if (site.tls && (site.tls->certificate.empty() || site.tls->key.empty()))
        throw wrong_field(document, site.tls->key.empty() ? "tls.key" : "tls.certificate",
                          "must be given too: a certificate and its key belong together",
                          {"tls.certificate", "tls.key"});
    if (site.tls || site.listen_insecure)
        return;
    for (std::size_t i = 0; i < site.listen_tcp.size(); ++i)
        if (!is_loopback_address(site.listen_tcp[i]))
            throw wrong_field(document, "listen_tcp[" + std::to_string(i) + "]",
                              "must be on 127.0.0.1 or [::1] while the API has no TLS: set tls.certificate "
                              "and tls.key, or listen_insecure = true where nobody else is on that network");
}

} // namespace

const char* installed_policies() {
    return SANDBOX_INSTALLED_POLICIES;
}

bool is_loopback_address(const std::string& address) {
    return address.starts_with("127.0.0.1:") || address.starts_with("[::1]:");
}

Site load_site(const std::string& path, Trust trust) {
    const std::string text = read_trusted_file(path, trust);
    Document document = parse_document(text, path);
    site_file_schema().check(document);
    site_file_schema().fill_defaults(document.root);
    Site site = read_site(FieldReader(document.root));
    check_site(document, site);
    check_listeners(document, site);
    site.origin = path;
    site.digest = sha256_hex(text);
    return site;
}

} // namespace sandbox::policy
