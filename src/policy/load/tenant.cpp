#include "sandbox/policy/tenant.hpp"

#include "policy/files/trusted_file.hpp"
#include "policy/load/policy_reader.hpp"
#include "policy/schema/schema.hpp"
#include "policy/schema/schema_messages.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/policy/loader.hpp"

namespace sandbox::policy {
namespace {

void check_tenant_name(const std::string& name) {
    if (!is_tenant_name(name))
        throw Error(
            Errc::invalid_argument, "tenant \"" + printable(name) + "\": this cannot be a tenant's name",
            "a name has 1 to 32 of a-z, 0-9 and _; \"-\" is not allowed because it means hierarchy in the "
            "name of a systemd slice",
            "tenant");
    if (name == kReservedName)
        throw Error(Errc::invalid_argument, "tenant \"probe\": the name is reserved for the built-in tenant",
                    "choose another name", "tenant");
}

/// A number in quotes is a user id too, in the range of one.
void check_users(const Document& document, const std::vector<std::string>& users) {
    for (std::size_t i = 0; i < users.size(); ++i)
        if (users[i].find_first_not_of("0123456789") == std::string::npos && !is_user_id(users[i]))
            throw wrong_field(document, "users[" + std::to_string(i) + "]",
                              "must be a user's name, or a user id from 0 to 4294967294");
}

void check_policies(const Document& document, const std::vector<std::string>& policies) {
    for (std::size_t i = 0; i < policies.size(); ++i)
        if (policies[i] == kReservedName)
            throw wrong_field(document, "policies[" + std::to_string(i) + "]",
                              "must not be \"probe\", the built-in policy");
}

Tenant read_tenant(const Document& document) {
    const FieldReader fields(document.root);
    Tenant tenant;
    tenant.description = fields.text("description");
    tenant.memory_max = fields.optional_size("memory_max");
    tenant.cpus = fields.optional_real("cpus");
    tenant.pids_max = fields.optional_number("pids_max");
    tenant.cpu_weight = fields.number("cpu_weight");
    tenant.max_sessions = fields.number("max_sessions");
    tenant.policies = fields.texts("policies");
    tenant.users = fields.texts("users");
    tenant.token_hashes = fields.texts("token_hashes");
    return tenant;
}

} // namespace

Tenant check_tenant_text(const std::string& text, const std::string& tenants_dir, const std::string& name) {
    check_tenant_name(name);
    Document document = parse_document(text, tenants_dir + "/" + name + ".toml");
    tenant_file_schema().check(document);
    tenant_file_schema().fill_defaults(document.root);
    Tenant tenant = read_tenant(document);
    tenant.name = name;
    check_policies(document, tenant.policies);
    check_users(document, tenant.users);
    return tenant;
}

Tenant load_tenant(const std::string& tenants_dir, const std::string& name, Trust trust) {
    check_tenant_name(name);
    const std::string path = tenants_dir + "/" + name + ".toml";
    std::string text;
    try {
        text = read_trusted_file(path, trust);
    } catch (const Error& error) {
        if (error.code() != Errc::not_found)
            throw;
        throw Error(Errc::not_found, "tenant " + name + ": " + error.what(),
                    "`sandboxctl tenant ls` lists what is there", "tenant");
    }
    return check_tenant_text(text, tenants_dir, name);
}

std::vector<std::string> list_tenants(const std::string& tenants_dir) {
    std::vector<std::string> names = list_toml_names(tenants_dir);
    std::erase(names, kReservedName);
    return names;
}

} // namespace sandbox::policy
