//! Feedback beside a real register; which events reach the register is the test's choice.

use minqing_proto::minqing::{
    feedback::v1::{
        BookDifference, DifferenceKind, DifferenceState, Feedback, FeedbackRecorded, ListDifferencesRequest,
        ListDifferencesResponse, feedback_books_service_client::FeedbackBooksServiceClient,
    },
    types::v1::Bureau,
};
use minqing_test_kit::TestService;
use sqlx::AssertSqlSafe;

use crate::office::Office;

pub struct TwoBooks {
    pub registry: TestService,
    pub office: Office,
}

impl TwoBooks {
    /// Two referrals of education's are out: 1 and 2.
    pub async fn open() -> TwoBooks {
        let registry = TestService::start(minqing_registry::service()).await.unwrap();
        let office = Office::beside(&registry).await;
        office.issue(1, Bureau::Education).await;
        office.issue(2, Bureau::Education).await;
        TwoBooks { registry, office }
    }

    /// The bureau reports, all of it good.
    pub async fn report(&self, request: u128, records: &[Feedback]) {
        let results = self.office.report(request, records).await.unwrap();
        assert!(results.iter().all(|r| r.accepted), "{results:?}");
    }

    /// The events of these records reach the register, or reach it again.
    pub async fn arrive(&self, numbers: &[&str]) {
        let told = self.office.told::<FeedbackRecorded>("FeedbackRecorded").await;
        let wanted =
            |r: &&FeedbackRecorded| r.feedback.as_ref().is_some_and(|f| numbers.contains(&f.record_no.as_str()));
        let arriving: Vec<_> = told.iter().filter(wanted).collect();
        assert_eq!(arriving.len(), numbers.len(), "some were never told");
        for event in arriving {
            self.stray(event.feedback.clone().unwrap()).await;
        }
    }

    /// A record reaches the register that need not have been told.
    pub async fn stray(&self, record: Feedback) {
        let name = record.name.clone();
        let event = FeedbackRecorded { feedback: Some(record) };
        self.registry.running.feed("feedback", &name, &event).unwrap();
        self.registry.running.consume_once().await.unwrap();
    }

    /// Somebody meddles with the register's tables.
    pub async fn meddle(&self, sql: &str) {
        let mut admin = self.registry.db.admin().await.unwrap();
        let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await.unwrap();
        assert!(done.rows_affected() > 0, "{sql} met nothing");
    }

    /// Every month due is compared; gives how many that were.
    pub async fn compare(&self) -> u64 {
        let mut months = 0;
        loop {
            let pass = self.office.service.running.reconcile_once("books").await.unwrap();
            months += pass.did;
            if pass.caught_up {
                return months;
            }
        }
    }

    /// One page as a caller sees it.
    pub async fn page(&self, caller: &str, asked: ListDifferencesRequest) -> ListDifferencesResponse {
        let mut client = FeedbackBooksServiceClient::new(self.office.service.as_caller(caller).unwrap());
        client.list_differences(asked).await.unwrap().into_inner()
    }

    /// Differences in a state as the city sees them, oldest first.
    pub async fn differences(&self, state: DifferenceState) -> Vec<BookDifference> {
        let asked = ListDifferencesRequest { state: state.into(), page_size: 500, ..ListDifferencesRequest::default() };
        let mut all = self.page("operator/city", asked).await.differences;
        all.reverse();
        all
    }

    /// Numbers and kinds of the open ones, by number.
    pub async fn open_ones(&self) -> Vec<(String, DifferenceKind)> {
        let open = self.differences(DifferenceState::Open).await;
        let mut open: Vec<_> = open.into_iter().map(|d| (d.record_no.clone(), d.kind())).collect();
        open.sort_by(|a, b| a.0.cmp(&b.0));
        open
    }

    /// The gauge of a bureau beside the register.
    pub fn shown(&self, bureau: &str) -> String {
        let text = self.office.service.running.context.metrics.text();
        let line = format!("minqing_books_differences{{bureau=\"{bureau}\",counterpart=\"registry\"}} ");
        text.lines().find_map(|l| l.strip_prefix(&line)).unwrap_or("absent").to_owned()
    }
}
