//! Referrals, records and the books in PostgreSQL, set-based.

pub mod books;
pub mod record;
pub mod referral;
