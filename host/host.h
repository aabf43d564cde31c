/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor: KVM's role. It owns VMCBs, serves GHCB requests, emulates
 * a local APIC per vCPU and VMPL and one I/O APIC, and decides which VMPL of
 * a vCPU runs. It is not trusted: it sees what machine/hv.h shows and no more.
 *
 * Everything runs under the machine lock.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "arch/snp.h"
#include "arch/types.h"
#include "host/platform.h"

struct host;
struct machine;

/* How interrupts reach the guest that runs at host_config.guest_vmpl. */
enum injection {
	INJECT_NORMAL,
	INJECT_RESTRICTED,
	INJECT_ALTERNATE,
	INJECT_SECURE_AVIC,
};

struct host_config {
	unsigned int vcpus;
	const u32 *apic_id;		/* one a vCPU; distinct */
	u64 ram_below_4g;
	u64 ram_above_4g;
	enum injection injection;
	unsigned int guest_vmpl;	/* VMPL that owns devices' interrupts */
	u64 allowed_features;		/* SEV_FEATURES the host consents to */
	u64 ghcb_features;		/* GHCB_FEATURE_* to advertise */
	bool x2apic;			/* CPUID shows x2APIC */
	/* Lets VMPL 0 sleep over what it was told of and has not looked at. */
	bool unhelpful;
};

/* Returns NULL when out of memory. Attaches itself to @m. */
struct host *host_new(const struct host_config *config, struct machine *m,
		      const struct host_platform *ops, void *platform);
void host_free(struct host *h);

/*
 * Make vCPU 0 start from the launched VMSA at @vmsa_gpa at @vmpl, with
 * @sev_features as the file said. Firmware's jobs (PCI interrupt routing,
 * PM base) are done here. Call host_start() for the first VMRUN.
 */
void host_set_boot_vmsa(struct host *h, unsigned int vmpl, u64 vmsa_gpa,
			u64 sev_features);
void host_start(struct host *h);

/* Those jobs alone, for a guest that no host runs. */
void host_firmware(const struct host_platform *ops, void *platform);

/* Fill a SNP CPUID page for launch from the processor's own CPUID. */
struct snp_cpuid_page;
void host_cpuid_page(struct host *h, struct snp_cpuid_page *page);

/* Devices. @gsi 0..23; @level is the logical state of the line. */
void host_set_gsi(struct host *h, unsigned int gsi, bool level);
/* A 4-byte write to FEExxxxxh: message-signalled interrupt. */
void host_msi(struct host *h, u64 address, u32 data);
/* An NMI for a vCPU from outside (the engine's monitor). */
void host_nmi(struct host *h, unsigned int vcpu);
/*
 * A machine check for one, at the VMPL that owns devices: told under Restricted
 * and Alternate Injection, which have a bit for it.
 */
void host_machine_check(struct host *h, unsigned int vcpu);
/* Has this vCPU nothing to run at all? */
bool host_idle(const struct host *h, unsigned int vcpu);
/*
 * #HV for @vcpu's VMPL 0, if that is under Restricted Injection, for nothing
 * and whatever its doorbell page says: what an honest host never does.
 */
void host_ring(struct host *h, unsigned int vcpu);
/* The guest powered off or reset through a device. */
void host_guest_off(struct host *h, bool reset);
/* A device was refused access to a private page. */
void host_dma_refused(struct host *h, u64 gpa, bool write);

#endif
