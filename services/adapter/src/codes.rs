//! Code tables that are the same for every bureau. Yes and no are read by `row::text`, since they are no code.

use crate::bureau::CodeTable;

/// What a bureau may write for its decision in a feedback file, with the contract's enum value.
pub const DECISION: CodeTable = CodeTable {
    name: "feedback_decision",
    entries: &[
        ("FEEDBACK_DECISION_GRANTED", &["1", "granted", "已救助", "已帮扶", "给予救助"]),
        ("FEEDBACK_DECISION_REFUSED", &["2", "refused", "不予救助", "不符合条件"]),
        ("FEEDBACK_DECISION_ALREADY_AIDED", &["3", "already_aided", "已享受"]),
        ("FEEDBACK_DECISION_DEFERRED", &["4", "deferred", "延期办理"]),
        ("FEEDBACK_DECISION_CANNOT_REACH", &["5", "cannot_reach", "无法联系"]),
        ("FEEDBACK_DECISION_NOT_MY_DUTY", &["6", "not_my_duty", "非本部门职责"]),
    ],
};

/// What a bureau may write for its answer to a verification, with the contract's enum value.
pub const OUTCOME: CodeTable = CodeTable {
    name: "verification_outcome",
    entries: &[
        ("VERIFICATION_OUTCOME_FOUND", &["1", "found", "有记录", "有"]),
        ("VERIFICATION_OUTCOME_NOTHING_FOUND", &["2", "nothing_found", "无记录", "无"]),
        ("VERIFICATION_OUTCOME_CANNOT", &["3", "cannot", "无法核对"]),
    ],
};
