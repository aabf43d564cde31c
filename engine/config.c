// SPDX-License-Identifier: MIT
/*
 * The configuration of a run: a JSON object, written by `belfry run`.
 *
 *	igvm			path of the file to boot
 *	report			path of the report; none if absent
 *	native			true: no SNP
 *	injection		"normal", "restricted", "alternate",
 *				"secure-avic"
 *	guest			"vmpl0", "svsm", "paravisor": chooses ...
 *	vmpl			... the VMPL that owns devices' interrupts
 *	no_2m			true: RMP entries are 4 KiB ones
 *	features		SEV_FEATURES that the silicon has
 *	allowed_features	of these, what the host allows
 *	ghcb_features		what the host advertises
 *	apic_ids		one for each vCPU; else the engine's own
 *	seed			start of all that is random
 *	sweep			true: with the device of sweep.h
 *	switches		object: struct machine_switches by name
 *
 * What is absent has the defaults below; what is not known is refused.
 */
#include <jansson.h>
#include <string.h>

#include "arch/ghcb.h"
#include "engine/session.h"

#define SILICON	(SEV_FEATURE_SNP | SEV_FEATURE_VTOM |			\
		 SEV_FEATURE_REFLECT_VC | SEV_FEATURE_RESTRICTED |	\
		 SEV_FEATURE_ALTERNATE | SEV_FEATURE_DEBUG_SWAP |	\
		 SEV_FEATURE_NO_HOST_IBS | SEV_FEATURE_BTB_ISOLATION |	\
		 SEV_FEATURE_SMT_PROTECT | SEV_FEATURE_SECURE_AVIC)

#define OFFERED	(GHCB_FEATURE_SNP | GHCB_FEATURE_AP_CREATION |		\
		 GHCB_FEATURE_APIC_ID_LIST | GHCB_FEATURE_MULTI_VMPL)
/* Beside these, where a doorbell page is in use. */
#define OFFERED_DOORBELL (GHCB_FEATURE_RESTRICTED | GHCB_FEATURE_TIMER | \
			  GHCB_FEATURE_EXT_INTERRUPTS | GHCB_FEATURE_RIDE)

#define NOT_GIVEN	(~0ull)		/* JSON has no such number */

static const char * const injections[] = {
	[INJECT_NORMAL] = "normal",
	[INJECT_RESTRICTED] = "restricted",
	[INJECT_ALTERNATE] = "alternate",
	[INJECT_SECURE_AVIC] = "secure-avic",
};

#define SWITCH(name) { #name, offsetof(struct machine_switches, name) }

static const struct {
	const char *name;
	size_t offset;
} switches[] = {
	SWITCH(strict_virq),
	SWITCH(savic_eoi_fault),
	SWITCH(savic_ro_fault),
	SWITCH(savic_doorbell_keeps_nmi),
	SWITCH(savic_nmi_keeps),
	SWITCH(pvalidate_vmpl_fails),
	SWITCH(scramble_off),
};

_Static_assert(sizeof(struct machine_switches) == ARRAY_SIZE(switches),
	       "every switch has a name");

/* Each returns whether the value was understood. */
static bool take_bool(const json_t *value, bool *to)
{
	*to = json_is_true(value);
	return json_is_boolean(value);
}

static bool take_u64(const json_t *value, u64 *to)
{
	*to = json_integer_value(value);
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool take_path(const json_t *value, char **to)
{
	const char *text = json_string_value(value);

	*to = text ? strdup(text) : NULL;
	return *to;
}

static bool take_injection(const json_t *value, enum injection *to)
{
	const char *text = json_string_value(value);

	for (unsigned int i = 0; text && i < ARRAY_SIZE(injections); i++)
		if (!strcmp(text, injections[i])) {
			*to = i;
			return true;
		}
	return false;
}

/* The kinds differ in what is in the IGVM file and in this. */
static bool take_guest(const json_t *value, unsigned int *vmpl)
{
	const char *text = json_string_value(value);

	if (!text)
		return false;
	if (!strcmp(text, "svsm") || !strcmp(text, "paravisor"))
		*vmpl = 2;
	return true;
}

static bool take_vmpl(const json_t *value, unsigned int *vmpl)
{
	*vmpl = json_integer_value(value);
	return json_is_integer(value) && *vmpl < SNP_VMPLS;
}

static bool take_ids(const json_t *array, struct session_config *c)
{
	size_t n = json_array_size(array);
	u64 id;

	if (!json_is_array(array) || n > SESSION_IDS)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!take_u64(json_array_get(array, i), &id) || id >= ~0u)
			return false;
		for (size_t j = 0; j < i; j++)
			if (c->apic_id[j] == id)
				return false;
		c->apic_id[i] = id;
	}
	c->apic_ids = n;
	return true;
}

static bool take_switches(json_t *object, struct machine_switches *to)
{
	const char *key;
	json_t *value;
	unsigned int i;

	if (!json_is_object(object))
		return false;
	json_object_foreach(object, key, value) {
		for (i = 0; i < ARRAY_SIZE(switches); i++)
			if (!strcmp(key, switches[i].name))
				break;
		if (i == ARRAY_SIZE(switches) ||
		    !take_bool(value, (bool *)((char *)to +
					       switches[i].offset)))
			return false;
	}
	return true;
}

static bool take(struct session_config *c, const char *key, json_t *value)
{
	if (!strcmp(key, "igvm"))
		return take_path(value, &c->igvm);
	if (!strcmp(key, "report"))
		return take_path(value, &c->report);
	if (!strcmp(key, "native"))
		return take_bool(value, &c->native);
	if (!strcmp(key, "injection"))
		return take_injection(value, &c->injection);
	if (!strcmp(key, "guest"))
		return true;		/* already taken */
	if (!strcmp(key, "vmpl"))
		return take_vmpl(value, &c->guest_vmpl);
	if (!strcmp(key, "no_2m"))
		return take_bool(value, &c->no_2m);
	if (!strcmp(key, "features"))
		return take_u64(value, &c->features);
	if (!strcmp(key, "allowed_features"))
		return take_u64(value, &c->allowed_features);
	if (!strcmp(key, "ghcb_features"))
		return take_u64(value, &c->ghcb_features);
	if (!strcmp(key, "seed"))
		return take_u64(value, &c->seed);
	if (!strcmp(key, "sweep"))
		return take_bool(value, &c->sweep);
	if (!strcmp(key, "apic_ids"))
		return take_ids(value, c);
	if (!strcmp(key, "switches"))
		return take_switches(value, &c->switches);
	return false;
}

static bool take_all(struct session *s, json_t *root)
{
	const json_t *guest = json_object_get(root, "guest");
	const char *key;
	json_t *value;

	/* First: "vmpl" overrides it, and keys come in no order. */
	if (guest && !take_guest(guest, &s->config.guest_vmpl)) {
		session_log(s, "configuration: guest: bad value");
		return false;
	}
	json_object_foreach(root, key, value)
		if (!take(&s->config, key, value)) {
			session_log(s, "configuration: %s: unknown, or a bad "
				    "value", key);
			return false;
		}
	if (s->config.igvm)
		return true;
	session_log(s, "configuration: no igvm file");
	return false;
}

/* A monitor runs under Restricted Injection, whatever its guest does. */
static u64 offered(const struct session_config *c)
{
	if (c->guest_vmpl || c->injection == INJECT_RESTRICTED ||
	    c->injection == INJECT_ALTERNATE)
		return OFFERED | OFFERED_DOORBELL;
	return OFFERED;
}

bool config_read(struct session *s, const char *path)
{
	json_error_t err;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &err);
	bool ok;

	s->config = (struct session_config){
		.injection = INJECT_NORMAL,
		.features = SILICON,
		.allowed_features = SILICON,
		.ghcb_features = NOT_GIVEN,
	};
	if (!json_is_object(root)) {
		session_log(s, "configuration %s: %s", path,
			    root ? "not an object" : err.text);
		json_decref(root);
		return false;
	}
	ok = take_all(s, root);
	if (s->config.ghcb_features == NOT_GIVEN)
		s->config.ghcb_features = offered(&s->config);
	json_decref(root);
	return ok;
}
