//! What is refused about policy packs, and how it is said.

use minqing_kit::{Explain, Kind};
use thiserror::Error;

/// A refusal.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    #[error("the pack has no files")]
    PackMissing,
    #[error("a pack has at most {most} files")]
    TooManyFiles { most: usize },
    #[error("files[{index}] {wrong}")]
    File { index: usize, wrong: &'static str },
    #[error("the pack has {count} faults; CheckPolicy tells them all")]
    Unsound {
        count: usize,
        /// The first of them, each with its place.
        faults: Vec<(String, String)>,
    },
    #[error("the pack as it was proposed no longer passes the check; propose it anew")]
    NoLongerSound,
    #[error("the {which} pack cannot be computed on the data: SQLSTATE {code}")]
    PackFails { which: &'static str, code: String },
    #[error("the database has no role that confines a pack's statements")]
    Unconfined,
    #[error("policy not found")]
    PolicyNotFound,
    #[error("a pack with these contents is proposed already and waits for approval")]
    AlreadyProposed,
    #[error("the policy is approved already")]
    AlreadyApproved,
    #[error("who proposed a policy may not approve it")]
    SamePerson,
    #[error("the proposed pack has other contents than the one that was read")]
    OtherContents,
    #[error("content_hash must be 64 hexadecimal digits in lower case")]
    Hash,
    #[error("reason is required")]
    ReasonMissing,
    #[error("reason has more than {most} characters")]
    ReasonTooLong { most: usize },
    #[error("{field} {wrong}")]
    Span { field: &'static str, wrong: &'static str },
    #[error("division_code must be a county's, six or twelve digits")]
    NoCounty,
    #[error("the county is not the operator's")]
    OutOfArea,
}

impl Explain for Refusal {
    fn kind(&self) -> Kind {
        match self {
            Refusal::PackMissing
            | Refusal::TooManyFiles { .. }
            | Refusal::File { .. }
            | Refusal::Unsound { .. }
            | Refusal::Hash
            | Refusal::ReasonMissing
            | Refusal::ReasonTooLong { .. }
            | Refusal::Span { .. }
            | Refusal::NoCounty => Kind::Invalid,
            Refusal::PolicyNotFound => Kind::NotFound,
            Refusal::AlreadyProposed => Kind::AlreadyExists,
            Refusal::SamePerson | Refusal::OutOfArea => Kind::Forbidden,
            Refusal::NoLongerSound
            | Refusal::PackFails { .. }
            | Refusal::Unconfined
            | Refusal::AlreadyApproved
            | Refusal::OtherContents => Kind::FailedState,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Refusal::PackMissing | Refusal::TooManyFiles { .. } | Refusal::File { .. } => "INVALID_PACK_FILES",
            Refusal::Unsound { .. } | Refusal::NoLongerSound => "PACK_UNSOUND",
            Refusal::PackFails { .. } => "PACK_FAILS",
            Refusal::Unconfined => "POLICY_ROLE_MISSING",
            Refusal::PolicyNotFound => "POLICY_NOT_FOUND",
            Refusal::AlreadyProposed => "POLICY_ALREADY_PROPOSED",
            Refusal::AlreadyApproved => "POLICY_ALREADY_APPROVED",
            Refusal::SamePerson => "SAME_PERSON",
            Refusal::OtherContents => "OTHER_CONTENTS",
            Refusal::Hash => "INVALID_CONTENT_HASH",
            Refusal::ReasonMissing | Refusal::ReasonTooLong { .. } => "INVALID_REASON",
            Refusal::Span { .. } => "INVALID_DAYS",
            Refusal::NoCounty => "INVALID_DIVISION",
            Refusal::OutOfArea => "OUT_OF_AREA",
        }
    }

    fn message(&self) -> String {
        self.to_string()
    }

    fn message_zh(&self) -> String {
        match self {
            Refusal::PackMissing => "缺少政策包文件".into(),
            Refusal::TooManyFiles { most } => format!("政策包最多 {most} 个文件"),
            Refusal::File { index, .. } => format!("第 {index} 个文件（从 0 起）的名称或大小不符合要求"),
            Refusal::Unsound { count, .. } => format!("政策包有 {count} 处错误，可用 CheckPolicy 查看全部"),
            Refusal::NoLongerSound => "提交的政策包已不能通过检查，请重新提交".into(),
            Refusal::PackFails { code, .. } => format!("政策包无法在现有数据上计算：SQLSTATE {code}"),
            Refusal::Unconfined => "数据库缺少限制政策包语句的角色".into(),
            Refusal::PolicyNotFound => "没有该政策".into(),
            Refusal::AlreadyProposed => "内容相同的政策包已提交，正等待批准".into(),
            Refusal::AlreadyApproved => "该政策已批准".into(),
            Refusal::SamePerson => "提交人不得批准自己提交的政策".into(),
            Refusal::OtherContents => "提交的政策包与所审阅的内容不同".into(),
            Refusal::Hash => "content_hash 应为 64 位小写十六进制数字".into(),
            Refusal::ReasonMissing => "请填写理由".into(),
            Refusal::ReasonTooLong { most } => format!("理由不得超过 {most} 字"),
            Refusal::Span { field, .. } => format!("日期 {field} 不符合要求"),
            Refusal::NoCounty => "division_code 应为县区代码，6 位或 12 位数字".into(),
            Refusal::OutOfArea => "该县区不在操作员管辖范围".into(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Refusal::PackMissing => vec![("pack.files".into(), "is required".into())],
            Refusal::TooManyFiles { most } => vec![("pack.files".into(), format!("at most {most}"))],
            Refusal::File { index, wrong } => vec![(format!("pack.files[{index}]"), (*wrong).into())],
            Refusal::Unsound { faults, .. } => faults.clone(),
            Refusal::Hash => vec![("content_hash".into(), "must be 64 hexadecimal digits in lower case".into())],
            Refusal::ReasonMissing => vec![("reason".into(), "is required".into())],
            Refusal::ReasonTooLong { most } => vec![("reason".into(), format!("at most {most} characters"))],
            Refusal::Span { field, wrong } => vec![((*field).into(), (*wrong).into())],
            Refusal::NoCounty => vec![("division_code".into(), "must be a county's, six or twelve digits".into())],
            _ => Vec::new(),
        }
    }
}
