using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorAuth.Core.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class Hold : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "EarlierRotations",
                table: "Sessions",
                type: "TEXT",
                maxLength: 2000,
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "SeenGeneration",
                table: "Sessions",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "EarlierRotations",
                table: "Sessions");

            migrationBuilder.DropColumn(
                name: "SeenGeneration",
                table: "Sessions");
        }
    }
}
