//! What monitoring refuses, and how it says so. No text holds a value of a row.

use minqing_kit::{Explain, Kind};
use thiserror::Error;

/// A refusal.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    #[error("batch is required")]
    BatchMissing,
    #[error("{field} {wrong}")]
    Batch { field: &'static str, wrong: &'static str },
    #[error("part_no must be 1 or more")]
    PartNo,
    #[error("dataset is not known for this bureau")]
    DatasetUnknown,
    #[error("an adapter may send its own bureau's datasets only")]
    ForeignBureau,
    #[error("a part holds at most {most} records")]
    TooManyRecords { most: usize },
    #[error("records[{index}].{field} {wrong}")]
    Record { index: usize, field: &'static str, wrong: &'static str },
    #[error("the batch was begun with another dataset, county, mode or date")]
    BatchDiffers,
    #[error("the batch is closed")]
    BatchClosed,
    #[error("parts of the batch are missing: send them, then close it")]
    BatchIncomplete,
    #[error("batch not found")]
    BatchNotFound,
    #[error("the batch is withdrawn: send what is right as a new one")]
    BatchWithdrawn,
    #[error("the batch was begun before versions of records were kept: correct it by sending the records again")]
    BatchUnversioned,
    #[error(
        "the batch is older than {days} days, for which versions of records are kept: correct it by sending the records again"
    )]
    BatchTooOld { days: u32 },
    #[error("a batch of this feed is being taken back: try again in a moment")]
    WithdrawalUnderWay,
    #[error("a new business date has begun meanwhile: try again")]
    DateTurned,
    #[error("the quality of a batch does not add up: {0}")]
    Quality(&'static str),
    #[error("division_code must be a county's code of twelve digits")]
    CountyMalformed,
    #[error("warning not found")]
    WarningNotFound,
    #[error("household not found")]
    HouseholdNotFound,
    #[error("the household or feed lies outside the operator's county")]
    OutOfArea,
    #[error("dataset {dataset} cannot be laid out as columns")]
    DatasetUnusable { dataset: String },
    #[error("event {kind} cannot be read")]
    EventUnreadable { kind: &'static str },
    #[error("the pack has no indicator {indicator}")]
    IndicatorUnknown { indicator: String },
}

impl Explain for Fault {
    fn kind(&self) -> Kind {
        match self {
            Fault::BatchMissing
            | Fault::Batch { .. }
            | Fault::PartNo
            | Fault::DatasetUnknown
            | Fault::TooManyRecords { .. }
            | Fault::Quality(_)
            | Fault::CountyMalformed
            | Fault::Record { .. } => Kind::Invalid,
            Fault::ForeignBureau | Fault::OutOfArea => Kind::Forbidden,
            Fault::BatchDiffers
            | Fault::BatchClosed
            | Fault::BatchIncomplete
            | Fault::BatchWithdrawn
            | Fault::BatchUnversioned
            | Fault::BatchTooOld { .. } => Kind::FailedState,
            Fault::WarningNotFound | Fault::HouseholdNotFound | Fault::BatchNotFound => Kind::NotFound,
            Fault::WithdrawalUnderWay | Fault::DateTurned => Kind::Unavailable,
            Fault::DatasetUnusable { .. } | Fault::EventUnreadable { .. } | Fault::IndicatorUnknown { .. } => Kind::Bug,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Fault::BatchMissing | Fault::Batch { .. } | Fault::PartNo => "INVALID_BATCH",
            Fault::DatasetUnknown => "DATASET_UNKNOWN",
            Fault::ForeignBureau => "FOREIGN_BUREAU",
            Fault::TooManyRecords { .. } => "TOO_MANY_RECORDS",
            Fault::Record { .. } => "INVALID_RECORD",
            Fault::BatchDiffers => "BATCH_DIFFERS",
            Fault::BatchClosed => "BATCH_CLOSED",
            Fault::BatchIncomplete => "BATCH_INCOMPLETE",
            Fault::BatchNotFound => "BATCH_NOT_FOUND",
            Fault::BatchWithdrawn => "BATCH_WITHDRAWN",
            Fault::BatchUnversioned => "BATCH_UNVERSIONED",
            Fault::BatchTooOld { .. } => "BATCH_TOO_OLD",
            Fault::WithdrawalUnderWay => "WITHDRAWAL_UNDER_WAY",
            Fault::DateTurned => "BUSINESS_DATE_TURNED",
            Fault::Quality(_) => "INVALID_BATCH_QUALITY",
            Fault::CountyMalformed => "INVALID_DIVISION",
            Fault::WarningNotFound => "WARNING_NOT_FOUND",
            Fault::HouseholdNotFound => "HOUSEHOLD_NOT_FOUND",
            Fault::OutOfArea => "OUT_OF_AREA",
            Fault::DatasetUnusable { .. } => "DATASET_UNUSABLE",
            Fault::EventUnreadable { .. } => "EVENT_UNREADABLE",
            Fault::IndicatorUnknown { .. } => "INDICATOR_UNKNOWN",
        }
    }

    fn message(&self) -> String {
        self.to_string()
    }

    fn message_zh(&self) -> String {
        match self {
            Fault::BatchMissing => "缺少批次信息".into(),
            Fault::Batch { field, .. } => format!("批次信息 {field} 不符合要求"),
            Fault::PartNo => "分片序号 part_no 应从 1 起".into(),
            Fault::DatasetUnknown => "该部门没有这个数据集".into(),
            Fault::ForeignBureau => "适配器只能报送本部门的数据集".into(),
            Fault::TooManyRecords { most } => format!("每个分片最多 {most} 条记录"),
            Fault::Record { index, field, .. } => format!("第 {index} 条记录（从 0 起）的 {field} 不符合要求"),
            Fault::BatchDiffers => "该批次已按其他数据集、县区、方式或日期开始".into(),
            Fault::BatchClosed => "该批次已结束".into(),
            Fault::BatchIncomplete => "批次分片不全，请补送后再结束".into(),
            Fault::BatchNotFound => "批次不存在".into(),
            Fault::BatchWithdrawn => "该批次已撤回，请以新批次报送正确数据".into(),
            Fault::BatchUnversioned => "该批次报送时系统尚未保存变更前版本，无法撤回，请重新报送正确记录".into(),
            Fault::BatchTooOld { days } => format!("该批次已超过 {days} 天的版本保存期，无法撤回，请重新报送正确记录"),
            Fault::WithdrawalUnderWay => "该数据源有批次正在撤回，请稍后再试".into(),
            Fault::DateTurned => "业务日期已更新，请重试".into(),
            Fault::Quality(_) => "批次质量统计前后不符，请按实际行数统计".into(),
            Fault::CountyMalformed => "division_code 应为县区的 12 位代码".into(),
            Fault::WarningNotFound => "预警不存在".into(),
            Fault::HouseholdNotFound => "家庭不存在".into(),
            Fault::OutOfArea => "该家庭或数据源不在操作员所属县区".into(),
            Fault::DatasetUnusable { .. } => "数据集定义无法展开为列".into(),
            Fault::EventUnreadable { .. } => "事件内容无法读取".into(),
            Fault::IndicatorUnknown { .. } => "政策包中没有该指标".into(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Fault::BatchMissing => vec![("batch".into(), "is required".into())],
            Fault::Batch { field, wrong } => vec![(format!("batch.{field}"), (*wrong).into())],
            Fault::PartNo => vec![("part_no".into(), "must be 1 or more".into())],
            Fault::DatasetUnknown => vec![("batch.dataset".into(), "must be a dataset of the bureau".into())],
            Fault::CountyMalformed => vec![("division_code".into(), "must be a county's code of twelve digits".into())],
            Fault::Quality(wrong) => vec![("quality".into(), (*wrong).into())],
            Fault::TooManyRecords { most } => vec![("records".into(), format!("at most {most}"))],
            Fault::Record { index, field, wrong } => vec![(format!("records[{index}].{field}"), (*wrong).into())],
            _ => Vec::new(),
        }
    }
}
