//! Where an indicator's warnings go.

use super::{Complaints, unique};
use crate::{
    error::Fault,
    load::Contents,
    model,
    routing::{Route, When},
};

const ROUTING: &str = "routing";

pub(super) fn routing(contents: &Contents, complaints: &mut Complaints) {
    unique(contents.routing.routes.iter().map(|route| route.indicator.as_str()), ROUTING, complaints);
    for route in &contents.routing.routes {
        complaints.note((ROUTING, &route.indicator), one_route(route, contents));
    }
}

fn one_route(route: &Route, contents: &Contents) -> Result<(), Fault> {
    if !contents.indicators.iter().any(|rule| rule.id == route.indicator) {
        return Err(Fault::new("no such indicator", "没有此指标"));
    }
    for class in &route.candidate_classes {
        if model::assistance_class(class).is_none() {
            return Err(Fault::new(format!("no such assistance class `{class}`"), format!("没有类别“{class}”")));
        }
    }
    for referral in &route.referrals {
        let (bureau, code) = (&referral.bureau, &referral.programme);
        let programme = contents.programmes.iter().find(|programme| programme.code == *code);
        let programme =
            programme.ok_or_else(|| Fault::new(format!("no such programme `{code}`"), format!("没有项目“{code}”")))?;
        if !programme.involves(bureau) {
            return Err(Fault::new(
                format!("`{bureau}` takes no part in programme `{code}`"),
                format!("“{bureau}”不是项目“{code}”的责任或配合单位"),
            ));
        }
        if referral.when == When::Verified && !route.field_check {
            return Err(Fault::new(
                "a referral waits for a field check that the route does not have",
                "转介等待核查，但该路径不核查",
            ));
        }
    }
    Ok(())
}
