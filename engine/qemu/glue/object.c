// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -object belfry,id=ID,library=PATH,config=PATH: turns a "pc" machine under
 * TCG into a Belfry machine.
 */
#include "ops.h"
#include <dlfcn.h>
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qom/object_interfaces.h"

#define TYPE_BELFRY	"belfry"

typedef struct BelfryObject {
	Object parent;
	char *library;
	char *config;
} BelfryObject;

DECLARE_INSTANCE_CHECKER(BelfryObject, BELFRY, TYPE_BELFRY)

struct glue belfry;

/* ---- the library --------------------------------------------------------- */

const struct belfry_api *library_attach(const struct belfry_engine *engine)
{
	const struct belfry_api *api;
	belfry_attach_fn *attach;
	void *handle;

	handle = dlopen(belfry.library, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		error_report("belfry: %s", dlerror());
		exit(1);
	}
	attach = dlsym(handle, BELFRY_ATTACH);
	if (!attach) {
		error_report("belfry: %s is not Belfry's library",
			     belfry.library);
		exit(1);
	}
	api = attach(engine, &belfry, belfry.config);
	if (!api)
		exit(1);	/* it said why */
	if (api->version != BELFRY_API_VERSION) {
		error_report("belfry: the library has API version %u, this "
			     "emulator %u: build both from the same tree",
			     api->version, BELFRY_API_VERSION);
		exit(1);
	}
	return api;
}

/* ---- the object ---------------------------------------------------------- */

static char *get_library(Object *obj, Error **errp)
{
	return g_strdup(BELFRY(obj)->library);
}

static void set_library(Object *obj, const char *value, Error **errp)
{
	g_free(BELFRY(obj)->library);
	BELFRY(obj)->library = g_strdup(value);
}

static char *get_config(Object *obj, Error **errp)
{
	return g_strdup(BELFRY(obj)->config);
}

static void set_config(Object *obj, const char *value, Error **errp)
{
	g_free(BELFRY(obj)->config);
	BELFRY(obj)->config = g_strdup(value);
}

static void complete(UserCreatable *uc, Error **errp)
{
	BelfryObject *b = BELFRY(uc);

	if (belfry.library)
		error_setg(errp, "there can be only one belfry object");
	else if (!b->library || !b->config)
		error_setg(errp, "belfry needs library= and config=");
	else {
		belfry.library = b->library;
		belfry.config = b->config;
	}
}

static void class_init(ObjectClass *class, void *data)
{
	UserCreatableClass *ucc = USER_CREATABLE_CLASS(class);

	ucc->complete = complete;
	object_class_property_add_str(class, "library", get_library,
				      set_library);
	object_class_property_add_str(class, "config", get_config, set_config);
}

static const TypeInfo belfry_type = {
	.name = TYPE_BELFRY,
	.parent = TYPE_OBJECT,
	.instance_size = sizeof(BelfryObject),
	.class_init = class_init,
	.interfaces = (InterfaceInfo[]) {
		{ TYPE_USER_CREATABLE },
		{ }
	},
};

static void register_types(void)
{
	type_register_static(&belfry_type);
}

type_init(register_types)
