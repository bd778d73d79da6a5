//! Code tables of the offices outside the nine bureaus: standard codes with the numbers and words the offices write.

use minqing_adapter::CodeTable;

pub(crate) const TABLES: &[CodeTable] = &[
    CodeTable {
        name: "assistance_class",
        entries: &[
            ("minimum_living", &["1", "低保", "最低生活保障"]),
            ("destitute", &["2", "特困", "特困人员"]),
            ("edge", &["3", "低保边缘", "边缘家庭"]),
            ("rigid_expenditure", &["4", "刚性支出困难", "刚支"]),
            ("return_to_poverty", &["5", "防止返贫监测", "监测户"]),
            ("other_hardship", &["6", "其他困难"]),
            ("orphan", &["7", "孤儿"]),
            ("unattended_child", &["8", "事实无人抚养儿童"]),
        ],
    },
    CodeTable {
        name: "civil_decision",
        entries: &[
            ("confirmed", &["1", "确认", "同意"]),
            ("refused", &["2", "不予确认", "不同意"]),
            ("changed", &["3", "调整"]),
            ("ended", &["4", "终止", "停发"]),
        ],
    },
    CodeTable {
        name: "exit_reason",
        entries: &[
            ("income", &["1", "收入超标", "收入增加"]),
            ("property", &["2", "财产超标"]),
            ("death", &["3", "死亡"]),
            ("moved", &["4", "迁出"]),
            ("own_wish", &["5", "自愿", "自愿退出"]),
            ("fraud", &["6", "骗取", "隐瞒"]),
            ("other", &["9", "其他"]),
        ],
    },
    CodeTable {
        name: "review_category", entries: &[("A", &["1", "A类"]), ("B", &["2", "B类"]), ("C", &["3", "C类"])]
    },
    CodeTable {
        name: "supplement_kind",
        entries: &[
            ("elder", &["1", "老年人"]),
            ("minor", &["2", "未成年人"]),
            ("severe_disability", &["3", "重度残疾人", "重残"]),
            ("severe_illness", &["4", "重病患者", "重病"]),
            ("other", &["9", "其他"]),
        ],
    },
    CodeTable {
        name: "child_kind",
        entries: &[
            ("orphan", &["1", "孤儿"]),
            ("unattended_child", &["2", "事实无人抚养儿童"]),
            ("child_in_difficulty", &["3", "困境儿童"]),
        ],
    },
    CodeTable {
        name: "temporary_aid_kind",
        entries: &[("urgent", &["1", "急难型"]), ("expenditure", &["2", "支出型"])],
    },
    CodeTable {
        name: "marriage_event",
        entries: &[("marriage", &["1", "结婚"]), ("divorce", &["2", "离婚"]), ("annulled", &["3", "撤销"])],
    },
    CodeTable {
        name: "care_service_kind",
        entries: &[
            ("visit", &["1", "探访", "探访关爱"]),
            ("home_care", &["2", "居家照料", "上门照料"]),
            ("meal", &["3", "助餐"]),
            ("day_care", &["4", "日间照料"]),
        ],
    },
    CodeTable {
        name: "charity_need",
        entries: &[
            ("medical", &["1", "医疗"]),
            ("schooling", &["2", "助学"]),
            ("living", &["3", "生活"]),
            ("housing", &["4", "住房"]),
            ("care", &["5", "照护"]),
            ("other", &["9", "其他"]),
        ],
    },
    CodeTable {
        name: "income_kind",
        entries: &[
            ("wage", &["1", "工资", "工资性"]),
            ("business", &["2", "经营", "经营净"]),
            ("property", &["3", "财产", "财产净"]),
            ("transfer", &["4", "转移", "转移净"]),
            ("central_pension", &["5", "基础养老金", "中央基础养老金"]),
            ("insurance_benefit", &["6", "保险待遇"]),
            ("old_age_allowance", &["7", "高龄津贴"]),
            ("maintenance", &["8", "赡养费", "赡养抚养扶养费"]),
            ("other", &["9", "其他"]),
            ("preferential_treatment", &["11", "优待抚恤金"]),
            ("military_allowance", &["12", "军人抚恤补助优待金"]),
            ("family_planning", &["13", "计划生育奖励扶助"]),
            ("scholarship", &["14", "奖学金"]),
            ("bravery", &["15", "见义勇为奖励"]),
            ("social_assistance", &["16", "政府社会救助款物"]),
            ("disability_subsidy", &["17", "残疾人两项补贴"]),
            ("unattended_subsidy", &["18", "事实无人抚养儿童补贴"]),
            ("locally_excluded", &["19", "其他不计项"]),
        ],
    },
    CodeTable {
        name: "child_choice",
        entries: &[
            ("destitute", &["1", "特困供养"]),
            ("orphan", &["2", "孤儿保障"]),
            ("unattended_child", &["3", "事实无人抚养儿童保障"]),
        ],
    },
    CodeTable {
        name: "registration_state",
        entries: &[
            ("registered", &["1", "在籍", "正常"]),
            ("moved_out", &["2", "迁出"]),
            ("cancelled", &["3", "注销"]),
        ],
    },
    CodeTable {
        name: "registration_reason",
        entries: &[
            ("death", &["1", "死亡"]),
            ("declared_dead", &["2", "宣告死亡"]),
            ("declared_missing", &["3", "宣告失踪"]),
            ("move", &["4", "迁移"]),
            ("military_service", &["5", "服兵役", "入伍"]),
            ("abroad", &["6", "出国定居"]),
            ("other", &["9", "其他"]),
        ],
    },
    CodeTable { name: "parent", entries: &[("father", &["1", "父", "父亲"]), ("mother", &["2", "母", "母亲"])] },
    CodeTable {
        name: "parent_state",
        entries: &[
            ("able", &["0", "正常", "履行抚养义务"]),
            ("dead", &["1", "死亡"]),
            ("not_found", &["2", "查找不到"]),
            ("declared_missing", &["3", "宣告失踪", "失踪"]),
            ("severe_disability", &["4", "重残"]),
            ("severe_illness", &["5", "重病"]),
            ("in_custody", &["6", "服刑在押"]),
            ("drug_isolation", &["7", "强制隔离戒毒"]),
            ("restricted", &["8", "被限制人身自由"]),
            ("out_of_contact", &["9", "失联"]),
        ],
    },
    CodeTable {
        name: "accident_outcome",
        entries: &[
            ("death", &["1", "死亡"]),
            ("serious_injury", &["2", "重伤"]),
            ("minor_injury", &["3", "轻伤", "轻微伤"]),
            ("no_injury", &["4", "未受伤"]),
        ],
    },
    CodeTable {
        name: "identity_state",
        entries: &[
            ("valid", &["1", "有效"]),
            ("expired", &["2", "过期"]),
            ("lost", &["3", "挂失"]),
            ("cancelled", &["4", "注销"]),
        ],
    },
    CodeTable {
        name: "entity_kind",
        entries: &[
            ("company", &["1", "企业", "公司"]),
            ("self_employed", &["2", "个体", "个体工商户"]),
            ("cooperative", &["3", "合作社", "农民专业合作社"]),
        ],
    },
    CodeTable {
        name: "entity_role",
        entries: &[
            ("legal_representative", &["1", "法定代表人", "法人"]),
            ("shareholder", &["2", "股东"]),
            ("operator", &["3", "经营者"]),
            ("employer", &["4", "雇主"]),
            ("member", &["5", "成员", "社员"]),
        ],
    },
    CodeTable {
        name: "entity_state",
        entries: &[
            ("active", &["1", "存续", "在业", "开业"]),
            ("closed", &["2", "注销"]),
            ("revoked", &["3", "吊销"]),
            ("moved", &["4", "迁出"]),
        ],
    },
    CodeTable {
        name: "taxed_income_kind",
        entries: &[
            ("wage", &["1", "工资薪金"]),
            ("labour", &["2", "劳务报酬"]),
            ("business", &["3", "经营所得"]),
            ("property", &["4", "财产租赁", "财产转让"]),
            ("other", &["9", "其他"]),
        ],
    },
    CodeTable {
        name: "vehicle_kind",
        entries: &[
            ("car", &["1", "小型汽车", "轿车", "载客汽车"]),
            ("truck", &["2", "货车", "载货汽车"]),
            ("tractor", &["3", "拖拉机"]),
            ("motorcycle", &["4", "摩托车"]),
            ("disabled_scooter", &["5", "残疾人代步车"]),
            ("other", &["9", "其他"]),
        ],
    },
    CodeTable {
        name: "vehicle_use",
        entries: &[("private", &["1", "非营运", "自用"]), ("business", &["2", "营运"]), ("other", &["9", "其他"])],
    },
    CodeTable {
        name: "vehicle_state",
        entries: &[
            ("normal", &["1", "正常"]),
            ("scrapped", &["2", "报废", "注销"]),
            ("transferred", &["3", "转移", "过户"]),
        ],
    },
    CodeTable {
        name: "estate_kind",
        entries: &[
            ("dwelling", &["1", "住宅"]),
            ("commercial", &["2", "商业", "商铺"]),
            ("office", &["3", "办公"]),
            ("parking", &["4", "车位", "车库"]),
            ("other", &["9", "其他"]),
        ],
    },
    CodeTable {
        name: "worker_level",
        entries: &[("deep", &["1", "深度困难"]), ("relative", &["2", "相对困难"]), ("accidental", &["3", "意外致困"])],
    },
];
