//! A second implementation of the register's identity service as far as an adapter calls it: persons in memory, a review
//! for each alias and person, links that the test sets.

use minqing_proto::minqing::registry::v1::{
    self as pb, DoubtKind, IdentityReviewKind as Kind, identity_service_server::IdentityService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::peers::{Person, Register, Shared, no};

type Answer<T> = Result<Response<T>, Status>;

/// The review that the register makes of a number under a name and a person.
pub fn review(number_key: &str, name_key: &str, person_key: &str) -> String {
    let alias = format!("{number_key}/{name_key}/{person_key}");
    format!("identityReviews/{}", Uuid::new_v5(&Uuid::NAMESPACE_URL, alias.as_bytes()))
}

fn judge(persons: &[Person], doubt: &pb::IdentityDoubt) -> pb::IdentityProposal {
    let named = |p: &Person| p.name_key == doubt.name_key || doubt.spelling_keys.contains(&p.name_key);
    let meant: Vec<(Kind, &Person)> = if doubt.kind() == DoubtKind::Number {
        let likely = |p: &&Person| doubt.candidates.iter().any(|c| c.person_key == p.person_key);
        persons.iter().filter(likely).filter(|p| named(p)).map(|p| (Kind::NumberFault, p)).collect()
    } else {
        let holder = persons.iter().find(|p| p.person_key == doubt.number_key).unwrap();
        let sibling = persons.iter().find(|p| p.household == holder.household && p.name_key == doubt.name_key);
        match sibling {
            _ if named(holder) => vec![(Kind::NameVariant, holder)],
            Some(sibling) => vec![(Kind::OthersNumber, sibling), (Kind::TwoNamesOneNumber, holder)],
            None => vec![(Kind::TwoNamesOneNumber, holder)],
        }
    };
    let Some((kind, person)) = meant.first() else { return pb::IdentityProposal::default() };
    pb::IdentityProposal {
        review: review(&doubt.number_key, &doubt.name_key, &person.person_key),
        kind: (*kind).into(),
        persons: i32::try_from(meant.len()).unwrap(),
    }
}

#[tonic::async_trait]
impl IdentityService for Shared<Register> {
    async fn propose_identities(
        &self,
        request: Request<pb::ProposeIdentitiesRequest>,
    ) -> Answer<pb::ProposeIdentitiesResponse> {
        let asked = request.into_inner();
        assert!(Uuid::try_parse(&asked.request_id).is_ok() && asked.doubts.len() <= 100);
        let persons = self.0.persons.lock().unwrap();
        let proposals = asked.doubts.iter().map(|doubt| judge(&persons, doubt)).collect();
        self.0.doubts.lock().unwrap().extend(asked.doubts);
        Ok(Response::new(pb::ProposeIdentitiesResponse { proposals }))
    }

    async fn list_identity_reviews(
        &self,
        _: Request<pb::ListIdentityReviewsRequest>,
    ) -> Answer<pb::ListIdentityReviewsResponse> {
        no()
    }

    async fn decide_identity_review(
        &self,
        _: Request<pb::DecideIdentityReviewRequest>,
    ) -> Answer<pb::DecideIdentityReviewResponse> {
        no()
    }

    async fn undo_identity_link(
        &self,
        _: Request<pb::UndoIdentityLinkRequest>,
    ) -> Answer<pb::UndoIdentityLinkResponse> {
        no()
    }
}
