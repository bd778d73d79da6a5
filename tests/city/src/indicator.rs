//! The indicators of the first issue by their ids.

use std::fmt;

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Indicator {
    A03,
    A05,
    A08,
    A09,
    A12,
    A13,
    A15,
    A17,
    A20,
    A25,
    A29,
    C01,
    C09,
    C11,
    P02,
    P11,
}

impl Indicator {
    pub const ALL: [Indicator; 16] = [
        Indicator::A03,
        Indicator::A05,
        Indicator::A08,
        Indicator::A09,
        Indicator::A12,
        Indicator::A13,
        Indicator::A15,
        Indicator::A17,
        Indicator::A20,
        Indicator::A25,
        Indicator::A29,
        Indicator::C01,
        Indicator::C09,
        Indicator::C11,
        Indicator::P02,
        Indicator::P11,
    ];

    pub fn text(self) -> &'static str {
        match self {
            Indicator::A03 => "A03",
            Indicator::A05 => "A05",
            Indicator::A08 => "A08",
            Indicator::A09 => "A09",
            Indicator::A12 => "A12",
            Indicator::A13 => "A13",
            Indicator::A15 => "A15",
            Indicator::A17 => "A17",
            Indicator::A20 => "A20",
            Indicator::A25 => "A25",
            Indicator::A29 => "A29",
            Indicator::C01 => "C01",
            Indicator::C09 => "C09",
            Indicator::C11 => "C11",
            Indicator::P02 => "P02",
            Indicator::P11 => "P11",
        }
    }

    pub fn of(text: &str) -> Option<Indicator> {
        Indicator::ALL.into_iter().find(|i| i.text() == text)
    }

    pub fn title(self) -> &'static str {
        match self {
            Indicator::A03 => "低保外重残",
            Indicator::A05 => "失业",
            Indicator::A08 => "已关注人员大额自付",
            Indicator::A09 => "普通农户大额自付",
            Indicator::A12 => "新发大病",
            Indicator::A13 => "上学负担",
            Indicator::A15 => "受灾",
            Indicator::A17 => "新办重残证",
            Indicator::A20 => "危房",
            Indicator::A25 => "监测户未核对",
            Indicator::A29 => "两癌",
            Indicator::C01 => "死亡仍领",
            Indicator::C09 => "已就业",
            Indicator::C11 => "名下车辆",
            Indicator::P02 => "转办超期",
            Indicator::P11 => "数据迟报",
        }
    }

    /// Whether a warning names a member of the household.
    pub fn personal(self) -> bool {
        matches!(
            self,
            Indicator::A03
                | Indicator::A05
                | Indicator::A08
                | Indicator::A09
                | Indicator::A12
                | Indicator::A13
                | Indicator::A17
                | Indicator::A29
                | Indicator::C01
                | Indicator::C09
        )
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
