//! Referrals, records, the books and where they differ in PostgreSQL, set-based.

pub mod books;
pub mod difference;
pub mod record;
pub mod referral;
