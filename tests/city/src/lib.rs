//! A deterministic synthetic city, its nine bureaus and its field workers, and an oracle that knows what the mesh
//! ought to find. It speaks to the mesh only from outside, over gRPC and through the bureaus' exchange folders, so
//! it is a second implementation of every contract it uses. Seed and size make the city; the truth stays with it.

pub mod calendar;
pub mod city;
pub mod dataset;
mod defect;
pub mod division;
pub mod feed_plant;
pub mod generate;
pub mod habit;
pub mod household;
pub mod indicator;
pub mod mesh;
pub mod oracle;
pub mod outline;
pub mod person;
pub mod plan;
pub mod play;
mod spool;
mod table;
pub mod thresholds;
pub mod truth;
