/* The methods that are about the host's awfd and its images, and about no sandbox. */
#include "awfd/method.h"

#include "awfd/diagnosis.h"
#include "awfd/metrics-file.h"
#include "awfd/predownload.h"
#include "common/alloc.h"
#include "common/log.h"

/* --- Metrics -----------------------------------------------------------------------------------
 */

void method_metrics(struct manager *m, struct call *call, void *in _unused_,
		    struct sandbox *none _unused_)
{
	struct metrics_reply reply = { .text = manager_metrics(m, true) };

	call_reply(call, &metrics_reply_table, &reply);
	fields_clear(&metrics_reply_table, &reply);
}

/* --- Reload ------------------------------------------------------------------------------------
 */

void method_reload(struct manager *m, struct call *call, void *in _unused_,
		   struct sandbox *none _unused_)
{
	struct reload_reply reply = { 0 };
	_cleanup_err_ struct err e = { 0 }, told = { 0 };

	if (manager_reload(m, &reply.kept, &e) < 0) {
		log_error("%s", e.message);
		(void)err_set(&told, e.error, ERR_SYSTEM, "%s", e.message);
		method_reply_error(call, &told);
		return;
	}
	if (!reply.kept)
		reply.kept = xcalloc(1, sizeof(*reply.kept));
	call_reply(call, &reload_reply_table, &reply);
	fields_clear(&reload_reply_table, &reply);
}

/* --- Diagnose ----------------------------------------------------------------------------------
 */

void method_diagnose(struct manager *m, struct call *call, void *in, struct sandbox *none _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	if (diagnosis_start(m, call, in, &e) < 0)
		method_refuse(m, call, NULL, &e);
}

/* --- Predownload -------------------------------------------------------------------------------
 */

void method_predownload(struct manager *m, struct call *call, void *in,
			struct sandbox *none _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	if (predownload_start(m, call, in, &e) < 0)
		method_refuse(m, call, NULL, &e);
}

void method_load_images(struct manager *m, struct call *call, void *in,
			struct sandbox *none _unused_)
{
	_cleanup_err_ struct err e = { 0 };

	if (predownload_load(m, call, in, &e) < 0)
		method_refuse(m, call, NULL, &e);
}
