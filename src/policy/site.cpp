#include "sandbox/policy/site.hpp"

#include "file_trust.hpp"
#include "policy_reader.hpp"
#include "sandbox/policy/loader.hpp"
#include "schema.hpp"

namespace sandbox::policy {
namespace {

CgroupDriver driver_of(const std::string& text) {
    return text == "systemd"    ? CgroupDriver::systemd
           : text == "cgroupfs" ? CgroupDriver::cgroupfs
                                : CgroupDriver::automatic;
}

Site read_site(const FieldReader& fields) {
    Site site;
    site.policies_dir = fields.text("policies_dir");
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
    site.listen_unix = fields.optional_text("listen_unix", "auto").value_or(site.run_dir + "/api.sock");
    site.listen_tcp = fields.texts("listen_tcp");
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
}

} // namespace

Site load_site(const std::string& path, Trust trust) {
    Document document = parse_document(read_trusted_file(path, trust), path);
    site_file_schema().check(document);
    site_file_schema().fill_defaults(document.root);
    Site site = read_site(FieldReader(document.root));
    check_site(document, site);
    return site;
}

} // namespace sandbox::policy
