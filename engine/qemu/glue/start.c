// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Start and end of a run: the board is built (belfry_boot), QEMU resets it
 * (on_reset, first time), the vCPUs run, QEMU resets it again or shuts down.
 */
#include "ops.h"
#include "hw/boards.h"
#include "hw/i386/pc.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "qemu/error-report.h"
#include "system/cpu-timers.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "system/system.h"
#include "system/tcg.h"

static Notifier machine_done, shutdown_notifier;

/*
 * A firmware would make RAM of C0000h to FFFFFh by the host bridge's PAM
 * registers, 59h to 5Fh. Systems look for ROMs and tables there; an SNP guest
 * can only read what is RAM.
 */
static void pam_to_ram(void)
{
	for (u32 reg = 0x59; reg <= 0x5f; reg++) {
		address_space_stl(&address_space_io, 0xcf8,
				  0x80000000 | (reg & ~3),
				  MEMTXATTRS_UNSPECIFIED, NULL);
		address_space_stb(&address_space_io, 0xcfc + (reg & 3), 0x33,
				  MEMTXATTRS_UNSPECIFIED, NULL);
	}
	address_space_stl(&address_space_io, 0xcf8, 0, MEMTXATTRS_UNSPECIFIED,
			  NULL);
}

/*
 * And there it stays: where the RMP has RAM, a page walk must not meet a
 * device, which it would ask under the locks of a translation.
 */
static void pam_lock(void)
{
	PCMachineState *pc = PC_MACHINE(current_machine);
	PCIDevice *bridge = pci_find_device(pc->pcibus, 0, 0);

	memset(&bridge->wmask[0x59], 0, 0x5f - 0x59 + 1);
}

/* A guest of SNP cannot be reset, only started anew: so ends the run. */
static void on_reset(void *opaque)
{
	CPUX86State *env = cpu_env(belfry.cpu[0]);

	if (!belfry.api->native || belfry.started)
		for (unsigned int i = 0; i < belfry.vcpus; i++)
			belfry.cpu[i]->halted = 1;
	if (belfry.started) {
		belfry.api->ended(BELFRY_RESET);
		return;
	}
	pam_to_ram();
	if (!belfry.api->native)
		pam_lock();
	if (!belfry.api->start())
		exit(1);	/* it said why */
	belfry.started = true;
	/* Outside of execution the flags are in one piece. */
	if (belfry.api->native)
		env->eflags = cpu_compute_eflags(env);
}

static void on_shutdown(Notifier *n, void *data)
{
	ShutdownCause cause = *(ShutdownCause *)data;

	if (belfry.stopped)
		return;
	if (cause == SHUTDOWN_CAUSE_GUEST_RESET)
		belfry.api->ended(BELFRY_RESET);
	else if (shutdown_caused_by_guest(cause))
		belfry.api->ended(BELFRY_OFF);
	else
		belfry.api->ended(BELFRY_QUIT);
}

static void on_machine_done(Notifier *n, void *unused)
{
	if (!belfry.api->native)
		dma_fw_cfg();
	qemu_register_reset(on_reset, NULL);
	shutdown_notifier.notify = on_shutdown;
	qemu_register_shutdown_notifier(&shutdown_notifier);
}

static void collect_cpus(const X86MachineState *board)
{
	CPUState *cs;

	belfry.vcpus = MACHINE(board)->smp.cpus;
	belfry.apic_id = g_new0(u32, belfry.vcpus);
	belfry.cpu = g_new0(CPUState *, belfry.vcpus);
	CPU_FOREACH(cs) {
		belfry.apic_id[cs->cpu_index] = X86_CPU(cs)->apic_id;
		belfry.cpu[cs->cpu_index] = cs;
	}
}

/*
 * QEMU makes locked instructions and fences of a lone CPU plain ones. But the
 * host, on any thread, exchanges words with a guest in doorbell pages: without
 * this the guest's XCHG could undo what the host has just set. With
 * instruction counting all that matters runs on one thread, and QEMU could not
 * count what it has to do exclusively.
 */
static void make_atomic(CPUState *cs)
{
	if (!icount_enabled())
		tcg_cflags_set(cs, CF_PARALLEL);
}

static void make_snp(void)
{
	for (unsigned int i = 0; i < belfry.vcpus; i++) {
		BelfryVcpu *vcpu = g_new0(BelfryVcpu, 1);

		vcpu->id = i;
		cpu_env(belfry.cpu[i])->snp = vcpu;
		make_atomic(belfry.cpu[i]);
	}
	dma_init();
	count_init();
}

bool belfry_boot(X86MachineState *board)
{
	static struct belfry_engine engine = {
		.version = BELFRY_API_VERSION,
		.ops = &glue_engine_ops,
		.platform = &glue_platform,
		.instructions = glue_instructions,
		.quit = glue_quit,
	};

	if (!belfry.library)
		return false;
	if (!tcg_enabled()) {
		error_report("belfry needs -accel tcg");
		exit(1);
	}
	collect_cpus(board);
	belfry.ram = memory_region_get_ram_ptr(MACHINE(board)->ram);
	belfry.ram_below_4g = board->below_4g_mem_size;
	belfry.ram_above_4g = board->above_4g_mem_size;
	engine.vcpus = belfry.vcpus;
	engine.apic_id = belfry.apic_id;
	engine.ram_below_4g = belfry.ram_below_4g;
	engine.ram_above_4g = belfry.ram_above_4g;
	engine.icount = icount_enabled();
	belfry.api = library_attach(&engine);
	if (!belfry.api->native)
		make_snp();
	machine_done.notify = on_machine_done;
	qemu_add_machine_init_done_notifier(&machine_done);
	return true;
}
