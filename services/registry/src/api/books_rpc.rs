//! `minqing.registry.v1.RegistryBooksService`.

use std::sync::Arc;

use minqing_proto::minqing::registry::v1::{
    ListBookEntriesRequest, ListBookEntriesResponse, ListBookLinesRequest, ListBookLinesResponse,
    registry_books_service_server::RegistryBooksService,
};
use tonic::{Request, Response, Status};

use crate::app::Registry;

/// The service's RPCs.
pub struct BooksRpc {
    registry: Arc<Registry>,
}

impl BooksRpc {
    pub fn new(registry: Arc<Registry>) -> BooksRpc {
        BooksRpc { registry }
    }
}

#[tonic::async_trait]
impl RegistryBooksService for BooksRpc {
    async fn list_book_lines(
        &self,
        request: Request<ListBookLinesRequest>,
    ) -> Result<Response<ListBookLinesResponse>, Status> {
        Ok(Response::new(self.registry.book_lines(request.get_ref()).await?))
    }

    async fn list_book_entries(
        &self,
        request: Request<ListBookEntriesRequest>,
    ) -> Result<Response<ListBookEntriesResponse>, Status> {
        Ok(Response::new(self.registry.book_entries(request.get_ref()).await?))
    }
}
